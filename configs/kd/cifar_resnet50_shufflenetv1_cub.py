# KD, CUB-200-2011: resnet50 teaches shufflenetv1.
_base_ = [
    '../_base_/pairs/cifar_resnet50_shufflenetv1_cub.py',
    '../_base_/recipes/kd_cifar_clip.py'
]
globals().update(_base_.pop('recipe'))
