# SD-NKD, CIFAR-100: resnet32x4 teaches resnet8x4.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_resnet8x4_cifar100.py',
    '../_base_/recipes/sd_nkd_cifar_sdd_s12.py'
]
globals().update(_base_.pop('recipe'))
