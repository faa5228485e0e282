# DeiT-small teaches DeiT-tiny; the teacher sees the same mixed images.
_base_ = '../../baseline/deit_ti_imagenet.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmpretrain::deit/deit-small_4xb256_in1k.py',
    teacher_ckpt='auto')
