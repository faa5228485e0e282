# ResNet-34 with a stem for 32 px on CIFAR-100, alone.
_base_ = './classifier_r18_cifar100.py'

model = dict(backbone=dict(depth=34))
