# DeiT III-large teaches DeiT-base, a pair of NKD's authors; the teacher sees
# the same mixed images.
_base_ = '../../baseline/deit_b_imagenet.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmpretrain::deit3/deit3-large-p16_64xb64_in1k.py',
    teacher_ckpt='auto')
