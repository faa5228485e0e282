# TopKD, CIFAR-100: vgg13 teaches shufflenetv1.
_base_ = [
    '../_base_/pairs/cifar_vgg13_shufflenetv1_cifar100.py',
    '../_base_/recipes/topkd.py'
]
globals().update(_base_.pop('recipe'))
