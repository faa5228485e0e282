# ResNet-20, alone, on a fifth of CIFAR-100 for 30 epochs.
_base_ = '../_base_/cifar100_short.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarThinResNet', depth=20),
    head=dict(in_channels=64, init_cfg=None))
