# LS-KD, CIFAR-100: resnet50 teaches mobilenetv2.
_base_ = [
    '../_base_/pairs/cifar_resnet50_mobilenetv2_cifar100.py',
    '../_base_/recipes/ls_kd_cifar_tau3_weight1.py'
]
globals().update(_base_.pop('recipe'))
