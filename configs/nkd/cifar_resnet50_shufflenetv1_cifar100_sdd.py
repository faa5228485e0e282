# NKD, CIFAR-100: resnet50 teaches shufflenetv1.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/cifar_resnet50_shufflenetv1_cifar100.py',
    '../_base_/recipes/nkd_cifar_sdd.py'
]
globals().update(_base_.pop('recipe'))
