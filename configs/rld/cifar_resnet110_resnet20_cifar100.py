# RLD, CIFAR-100: resnet110 teaches resnet20.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/cifar_resnet110_resnet20_cifar100.py',
    '../_base_/recipes/rld_cifar.py'
]
globals().update(_base_.pop('recipe'))
