# ResNet-50, fine-tuned by its baseline config, teaches MobileNetV1.
_base_ = '../../baseline/classifier_mv1_cub.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/classifier_r50_cub.py',
    teacher_ckpt='checkpoints/classifier_r50_cub.pth')
