# DKD, CUB-200-2011: resnet32x4 teaches mobilenetv2.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_mobilenetv2_cub.py',
    '../_base_/recipes/dkd_cifar_clip.py'
]
globals().update(_base_.pop('recipe'))
