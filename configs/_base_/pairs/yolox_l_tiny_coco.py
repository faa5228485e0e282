# Student and teacher; the teacher sees the student's smaller images.
_base_ = '../../baseline/yolox_tiny_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::yolox/yolox_l_8xb8-300e_coco.py',
    teacher_ckpt='auto')
