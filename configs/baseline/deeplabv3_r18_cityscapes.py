# The student alone: DeepLabV3, ResNet-18.
_base_ = [
    'mmseg::deeplabv3/deeplabv3_r18-d8_4xb2-80k_cityscapes-512x1024.py',
    '../_base_/cityscapes.py'
]
