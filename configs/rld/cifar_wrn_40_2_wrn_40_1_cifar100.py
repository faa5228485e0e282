# RLD, CIFAR-100: wrn_40_2 teaches wrn_40_1.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/cifar_wrn_40_2_wrn_40_1_cifar100.py',
    '../_base_/recipes/rld_cifar.py'
]
globals().update(_base_.pop('recipe'))
