# RLD, CIFAR-100: vgg13 teaches vgg8.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/cifar_vgg13_vgg8_cifar100.py',
    '../_base_/recipes/rld_cifar.py'
]
globals().update(_base_.pop('recipe'))
