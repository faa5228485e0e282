# DIST, CIFAR-100: resnet32x4 teaches shufflenetv1.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_shufflenetv1_cifar100.py',
    '../_base_/recipes/dist_cifar.py'
]
globals().update(_base_.pop('recipe'))
