# SD-NKD, CIFAR-100: vgg13 teaches mobilenetv2.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/cifar_vgg13_mobilenetv2_cifar100.py',
    '../_base_/recipes/sd_nkd_cifar_sdd_gamma6.py'
]
globals().update(_base_.pop('recipe'))
