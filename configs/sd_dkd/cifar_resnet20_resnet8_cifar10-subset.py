# SD-DKD, CIFAR-10 subset: resnet20 teaches resnet8.
_base_ = [
    '../_base_/pairs/cifar_resnet20_resnet8_cifar10-subset.py',
    '../_base_/recipes/sd_dkd_cifar_beta2_s12_short.py'
]
globals().update(_base_.pop('recipe'))
