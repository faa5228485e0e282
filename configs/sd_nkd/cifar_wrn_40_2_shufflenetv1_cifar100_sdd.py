# SD-NKD, CIFAR-100: wrn_40_2 teaches shufflenetv1.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/cifar_wrn_40_2_shufflenetv1_cifar100.py',
    '../_base_/recipes/sd_nkd_cifar_sdd.py'
]
globals().update(_base_.pop('recipe'))
