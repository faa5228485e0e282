# Student and teacher, both with 100 proposals; each of the six stages is a
# term of its own. The teacher was trained for 36 epochs with several scales.
_base_ = '../../baseline/sparse_rcnn_r50_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::sparse_rcnn/sparse-rcnn_r101_fpn_ms-480-800-3x_coco.py',
    teacher_ckpt='auto')
