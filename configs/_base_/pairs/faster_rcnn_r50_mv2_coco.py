# Student and teacher; the teacher was trained for 3x with several scales.
_base_ = '../../baseline/faster_rcnn_mv2_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::faster_rcnn/faster-rcnn_r50_fpn_ms-3x_coco.py',
    teacher_ckpt='auto')
