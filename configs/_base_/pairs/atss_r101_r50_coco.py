# Student and teacher, both 1x.
_base_ = '../../baseline/atss_r50_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::atss/atss_r101_fpn_1x_coco.py',
    teacher_ckpt='auto')
