# Student and teacher; the last 20 epochs have a pipeline of their own.
_base_ = '../../baseline/rtmdet-ins_tiny_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::rtmdet/rtmdet-ins_l_8xb32-300e_coco.py',
    teacher_ckpt='auto')
