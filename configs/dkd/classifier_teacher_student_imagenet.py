# DKD on ImageNet, official settings (mdistiller), no warm-up.
# TEACHER=r50 STUDENT=mv1 before the command chooses the other pair.
_base_ = '../_base_/classifier_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0,
                beta=_base_.pair.beta))))
work_dir = 'work_dirs/dkd_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet'
