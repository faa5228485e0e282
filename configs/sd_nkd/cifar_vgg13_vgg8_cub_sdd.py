# SD-NKD, CUB-200-2011: vgg13 teaches vgg8.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/cifar_vgg13_vgg8_cub.py',
    '../_base_/recipes/sd_nkd_cifar_sdd_gamma6.py'
]
globals().update(_base_.pop('recipe'))
