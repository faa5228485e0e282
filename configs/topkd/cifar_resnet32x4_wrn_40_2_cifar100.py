# TopKD, CIFAR-100: resnet32x4 teaches wrn_40_2.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_wrn_40_2_cifar100.py',
    '../_base_/recipes/topkd.py'
]
globals().update(_base_.pop('recipe'))
