# SD-NKD on ImageNet with NKD's own gamma. The published numbers come from
# gamma = beta of SD-DKD and nontarget_includes_target=True.
# TEACHER=r50 STUDENT=mv1 before the command chooses the other pair.
_base_ = '../_base_/classifier_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.ClsLogits', scales=_base_.pair.scales,
                complementary_weight=2.0),
            loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5))))
optim_wrapper = dict(clip_grad=dict(max_norm=40, norm_type=2))
work_dir = 'work_dirs/sd_nkd_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet'
