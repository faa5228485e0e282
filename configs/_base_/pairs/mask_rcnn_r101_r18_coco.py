# Student and teacher; the teacher was trained for 3x with several scales.
_base_ = '../../baseline/mask_rcnn_r18_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::mask_rcnn/mask-rcnn_r101_fpn_ms-poly-3x_coco.py',
    teacher_ckpt='auto')
