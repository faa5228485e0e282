# NKD, CIFAR-100: resnet32x4 teaches shufflenetv2.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_shufflenetv2_cifar100.py',
    '../_base_/recipes/nkd_cifar_sdd.py'
]
globals().update(_base_.pop('recipe'))
