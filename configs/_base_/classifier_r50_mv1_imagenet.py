# ResNet-50 teaches MobileNetV1. The papers take torchvision's ResNet-50.
_base_ = '../baseline/classifier_mv1_imagenet.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmpretrain::resnet/resnet50_8xb32_in1k.py',
    teacher_ckpt='auto')
pair = dict(beta=2.0, scales=(1, 2, 4), gdkd=(0.5, 2.0, 2.0), ls_kd_ce=0.5)
