# GDKD3, CIFAR-100: vgg13 teaches vgg8.
_base_ = [
    '../_base_/pairs/cifar_vgg13_vgg8_cifar100.py',
    '../_base_/recipes/gdkd3_cifar_w1-6.py'
]
globals().update(_base_.pop('recipe'))
