# The student alone: PSPNet, MobileNetV2.
_base_ = [
    'mmseg::mobilenet_v2/'
    'mobilenet-v2-d8_pspnet_4xb2-80k_cityscapes-512x1024.py',
    '../_base_/cityscapes.py'
]
