# ResNet-34 teaches ResNet-18. Most papers take torchvision's ResNet-34
# (73.31 top-1), this config MMPretrain's (73.62), as NKD and mmrazor do;
# tools/model_converters/torchvision_resnet.py converts the other one.
_base_ = '../../baseline/classifier_r18_imagenet.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmpretrain::resnet/resnet34_8xb32_in1k.py',
    teacher_ckpt='auto')
