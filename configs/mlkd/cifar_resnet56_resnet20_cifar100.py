# MLKD, CIFAR-100: resnet56 teaches resnet20.
_base_ = [
    '../_base_/pairs/cifar_resnet56_resnet20_cifar100.py',
    '../_base_/recipes/mlkd_cifar.py'
]
globals().update(_base_.pop('recipe'))
