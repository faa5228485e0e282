# Student and teacher: DINO with 4 scales, both 12 epochs. MMDetection has no
# DINO of ResNet-101 with weights.
_base_ = '../../baseline/dino_r18_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py',
    teacher_ckpt='auto')
