# SD-NKD, CUB-200-2011: resnet50 teaches shufflenetv1.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/cifar_resnet50_shufflenetv1_cub.py',
    '../_base_/recipes/sd_nkd_cifar_sdd.py'
]
globals().update(_base_.pop('recipe'))
