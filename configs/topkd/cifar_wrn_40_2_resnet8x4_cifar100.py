# TopKD, CIFAR-100: wrn_40_2 teaches resnet8x4.
_base_ = [
    '../_base_/pairs/cifar_wrn_40_2_resnet8x4_cifar100.py',
    '../_base_/recipes/topkd.py'
]
globals().update(_base_.pop('recipe'))
