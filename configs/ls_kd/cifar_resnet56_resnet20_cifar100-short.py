# LS-KD, a fifth of CIFAR-100: resnet56 teaches resnet20.
_base_ = [
    '../_base_/pairs/cifar_resnet56_resnet20_cifar100-short.py',
    '../_base_/recipes/ls_kd_cifar.py'
]
globals().update(_base_.pop('recipe'))
