# KD, CIFAR-100: r34 teaches r18.
_base_ = [
    '../_base_/pairs/classifier_r34_r18_cifar100.py',
    '../_base_/recipes/kd_cifar_nkd.py'
]
globals().update(_base_.pop('recipe'))
