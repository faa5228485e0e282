# LS-KD, CIFAR-100: vit resnet56 teaches ti.
_base_ = [
    '../_base_/pairs/vit_resnet56_ti_cifar100.py',
    '../_base_/recipes/ls_kd_vit.py'
]
globals().update(_base_.pop('recipe'))
