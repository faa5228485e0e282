# LDRLD, CIFAR-100: resnet32x4 teaches vgg8.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_vgg8_cifar100.py',
    '../_base_/recipes/ldrld_cifar.py'
]
globals().update(_base_.pop('recipe'))
