# resnet8x4 of the CIFAR benchmark, alone.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarThinResNet', depth=8, widen=4),
    head=dict(in_channels=256, init_cfg=None))
