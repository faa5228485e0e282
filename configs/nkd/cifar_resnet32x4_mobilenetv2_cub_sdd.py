# NKD, CUB-200-2011: resnet32x4 teaches mobilenetv2.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_mobilenetv2_cub.py',
    '../_base_/recipes/nkd_cifar_sdd.py'
]
globals().update(_base_.pop('recipe'))
