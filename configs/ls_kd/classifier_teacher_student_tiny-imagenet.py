# KD on standardized logits on Tiny-ImageNet, settings of the GDKD repository.
# TEACHER=r50 STUDENT=mv1 before the command chooses the other pair.
_base_ = '../_base_/classifier_' \
    '{{$TEACHER:r34}}_{{$STUDENT:r18}}_tiny-imagenet.py'

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=_base_.pair.ls_kd_ce))),
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.KDLoss', standardize=True, tau=2.0,
                loss_weight=9.0))))
work_dir = 'work_dirs/ls_kd_{{$TEACHER:r34}}_{{$STUDENT:r18}}_tiny-imagenet'
