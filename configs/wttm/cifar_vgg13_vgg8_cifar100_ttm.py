# WTTM, CIFAR-100: vgg13 teaches vgg8.
# Without the weight of each row, which is TTM.
_base_ = [
    '../_base_/pairs/cifar_vgg13_vgg8_cifar100.py',
    '../_base_/recipes/wttm_cifar_ttm.py'
]
globals().update(_base_.pop('recipe'))
