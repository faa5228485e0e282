# VGG-8 with batch norm of the CIFAR benchmark, alone.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarVGG', depth=8),
    head=dict(in_channels=512))
