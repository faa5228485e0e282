# GDKD on Tiny-ImageNet, settings of the GDKD repository.
# TEACHER=r50 STUDENT=mv1 before the command chooses the other pair.
_base_ = '../_base_/classifier_' \
    '{{$TEACHER:r34}}_{{$STUDENT:r18}}_tiny-imagenet.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.GDKDLoss', tau=1.0, k=5,
                w0=_base_.pair.gdkd[0], w1=_base_.pair.gdkd[1],
                w2=_base_.pair.gdkd[2]))))
work_dir = 'work_dirs/gdkd_{{$TEACHER:r34}}_{{$STUDENT:r18}}_tiny-imagenet'
