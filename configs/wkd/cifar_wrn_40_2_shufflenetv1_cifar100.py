# WKD-L, CIFAR-100: wrn_40_2 teaches shufflenetv1.
_base_ = [
    '../_base_/pairs/cifar_wrn_40_2_shufflenetv1_cifar100.py',
    '../_base_/recipes/wkd_cifar_tau6_gamma200.py'
]
globals().update(_base_.pop('recipe'))
