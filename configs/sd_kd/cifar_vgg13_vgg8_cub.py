# SD-KD, CUB-200-2011: vgg13 teaches vgg8.
_base_ = [
    '../_base_/pairs/cifar_vgg13_vgg8_cub.py',
    '../_base_/recipes/sd_kd_cifar.py'
]
globals().update(_base_.pop('recipe'))
