# DeiT III-small teaches DeiT-tiny, a pair of NKD's authors; the teacher sees
# the same mixed images.
_base_ = '../../baseline/deit_ti_imagenet.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmpretrain::deit3/deit3-small-p16_64xb64_in1k.py',
    teacher_ckpt='auto')
