# Student and teacher; each of the three stages is a term of its own.
_base_ = '../../baseline/cascade_rcnn_r50_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::cascade_rcnn/cascade-rcnn_r101_fpn_20e_coco.py',
    teacher_ckpt='auto')
