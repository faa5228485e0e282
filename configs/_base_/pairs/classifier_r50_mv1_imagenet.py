# ResNet-50 teaches MobileNetV1. The papers take torchvision's ResNet-50.
_base_ = '../../baseline/classifier_mv1_imagenet.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmpretrain::resnet/resnet50_8xb32_in1k.py',
    teacher_ckpt='auto')
