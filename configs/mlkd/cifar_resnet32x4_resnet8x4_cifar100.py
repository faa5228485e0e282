# MLKD, CIFAR-100: resnet32x4 teaches resnet8x4.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_resnet8x4_cifar100.py',
    '../_base_/recipes/mlkd_cifar.py'
]
globals().update(_base_.pop('recipe'))
