# DKD of NKD's authors on CIFAR-100: alpha 1, beta 8, tau 4, no warm-up (cls_KD
# configs/distillers/cifar100).
_base_ = './dkd_cifar.py'
recipe = dict(custom_hooks=[])
