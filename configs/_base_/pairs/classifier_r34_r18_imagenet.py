# ResNet-34 teaches ResNet-18. The papers take torchvision's ResNet-34.
_base_ = '../../baseline/classifier_r18_imagenet.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmpretrain::resnet/resnet34_8xb32_in1k.py',
    teacher_ckpt='auto')
