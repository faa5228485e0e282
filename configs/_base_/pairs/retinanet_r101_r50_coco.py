# Student and teacher; the teacher was trained for 2x.
_base_ = '../../baseline/retinanet_r50_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::retinanet/retinanet_r101_fpn_2x_coco.py',
    teacher_ckpt='auto')
