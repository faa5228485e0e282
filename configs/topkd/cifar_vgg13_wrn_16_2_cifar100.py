# TopKD, CIFAR-100: vgg13 teaches wrn_16_2.
_base_ = [
    '../_base_/pairs/cifar_vgg13_wrn_16_2_cifar100.py',
    '../_base_/recipes/topkd.py'
]
globals().update(_base_.pop('recipe'))
