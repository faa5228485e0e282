# SD-NKD, CIFAR-100: resnet50 teaches vgg8.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/cifar_resnet50_vgg8_cifar100.py',
    '../_base_/recipes/sd_nkd_cifar_sdd_s12.py'
]
globals().update(_base_.pop('recipe'))
