# Student and teacher: PSPNet MobileNetV2 and DeepLabV3 ResNet-101. The
# student's auxiliary head is not distilled: in the authors' code it has none.
_base_ = '../../baseline/pspnet_mv2_cityscapes.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmseg::deeplabv3/'
    'deeplabv3_r101-d8_4xb2-80k_cityscapes-512x1024.py',
    teacher_ckpt='auto')
