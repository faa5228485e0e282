# SD-KD on ImageNet. The authors' file leaves tau and weights at the values of
# CIFAR; its scales are not documented, here are those of SD-DKD.
# TEACHER=r50 STUDENT=mv1 before the command chooses the other pair.
_base_ = '../_base_/classifier_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet.py'

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=0.1))),
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.ClsLogits', scales=_base_.pair.scales,
                complementary_weight=2.0),
            loss=dict(type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.9))))
optim_wrapper = dict(clip_grad=dict(max_norm=40, norm_type=2))
work_dir = 'work_dirs/sd_kd_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet'
