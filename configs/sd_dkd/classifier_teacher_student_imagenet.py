# SD-DKD on ImageNet, official settings (SDD repository), no warm-up.
# TEACHER=r50 STUDENT=mv1 before the command chooses the other pair.
_base_ = '../_base_/classifier_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.ClsLogits', scales=_base_.pair.scales,
                complementary_weight=2.0),
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0,
                beta=_base_.pair.beta))))
optim_wrapper = dict(clip_grad=dict(max_norm=40, norm_type=2))
work_dir = 'work_dirs/sd_dkd_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet'
