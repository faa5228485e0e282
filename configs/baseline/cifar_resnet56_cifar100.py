# ResNet-56 of the CIFAR benchmark, alone.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarThinResNet', depth=56),
    head=dict(in_channels=64, init_cfg=None))
