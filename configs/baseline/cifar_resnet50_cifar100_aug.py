# resnet50 on CIFAR-100 with AutoAugment and Cutout, a teacher of GDKD.
_base_ = [
    './cifar_resnet50_cifar100.py', '../_base_/recipes/augment_cifar100.py'
]
globals().update(_base_.pop('recipe'))
