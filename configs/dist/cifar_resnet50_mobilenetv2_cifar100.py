# DIST, CIFAR-100: resnet50 teaches mobilenetv2.
_base_ = [
    '../_base_/pairs/cifar_resnet50_mobilenetv2_cifar100.py',
    '../_base_/recipes/dist_cifar.py'
]
globals().update(_base_.pop('recipe'))
