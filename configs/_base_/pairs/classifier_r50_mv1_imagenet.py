# ResNet-50 teaches MobileNetV1. Most papers take torchvision's ResNet-50
# (76.16 top-1), this config MMPretrain's (76.55), as NKD and mmrazor do;
# tools/model_converters/torchvision_resnet.py converts the other one.
_base_ = '../../baseline/classifier_mv1_imagenet.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmpretrain::resnet/resnet50_8xb32_in1k.py',
    teacher_ckpt='auto')
