# LS-KD, CIFAR-100: vgg13 teaches shufflenetv1.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/cifar_vgg13_shufflenetv1_cifar100.py',
    '../_base_/recipes/ls_kd_cifar.py'
]
globals().update(_base_.pop('recipe'))
