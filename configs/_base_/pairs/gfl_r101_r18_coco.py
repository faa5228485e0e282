# Student and teacher; the teacher was trained for 2x with several scales.
_base_ = '../../baseline/gfl_r18_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::gfl/gfl_r101_fpn_ms-2x_coco.py',
    teacher_ckpt='auto')
