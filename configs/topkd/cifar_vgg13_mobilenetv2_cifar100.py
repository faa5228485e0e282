# TopKD, CIFAR-100: vgg13 teaches mobilenetv2.
_base_ = [
    '../_base_/pairs/cifar_vgg13_mobilenetv2_cifar100.py',
    '../_base_/recipes/topkd.py'
]
globals().update(_base_.pop('recipe'))
