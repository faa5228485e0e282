# ResNet-8 of the CIFAR benchmark on the CIFAR-10 subset, alone.
_base_ = '../_base_/cifar10_subset.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarThinResNet', depth=8),
    head=dict(in_channels=64, init_cfg=None))
