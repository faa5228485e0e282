# SD-KD, CIFAR-100: vgg13 teaches wrn_16_2.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/cifar_vgg13_wrn_16_2_cifar100.py',
    '../_base_/recipes/sd_kd_cifar.py'
]
globals().update(_base_.pop('recipe'))
