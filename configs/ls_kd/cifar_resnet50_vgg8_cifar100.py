# LS-KD, CIFAR-100: resnet50 teaches vgg8.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/cifar_resnet50_vgg8_cifar100.py',
    '../_base_/recipes/ls_kd_cifar.py'
]
globals().update(_base_.pop('recipe'))
