# KD on ImageNet, official settings (mdistiller): 0.5 x CE + 0.5 x KD, tau 1.
# TEACHER=r50 STUDENT=mv1 before the command chooses the other pair.
_base_ = '../_base_/classifier_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet.py'

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=0.5))),
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.KDLoss', tau=1.0, loss_weight=0.5))))
work_dir = 'work_dirs/kd_{{$TEACHER:r34}}_{{$STUDENT:r18}}_imagenet'
