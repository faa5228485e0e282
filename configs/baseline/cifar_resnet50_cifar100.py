# ResNet-50 with a stem for 32 px, alone.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarFullResNet', depth=50),
    head=dict(in_channels=2048, init_cfg=None))
