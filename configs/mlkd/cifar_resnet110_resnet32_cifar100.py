# MLKD, CIFAR-100: resnet110 teaches resnet32.
_base_ = [
    '../_base_/pairs/cifar_resnet110_resnet32_cifar100.py',
    '../_base_/recipes/mlkd_cifar.py'
]
globals().update(_base_.pop('recipe'))
