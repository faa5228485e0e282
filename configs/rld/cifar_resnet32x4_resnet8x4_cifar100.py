# RLD, CIFAR-100: resnet32x4 teaches resnet8x4.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_resnet8x4_cifar100.py',
    '../_base_/recipes/rld_cifar.py'
]
globals().update(_base_.pop('recipe'))
