# ResNet-20 of the CIFAR benchmark, alone, on folders of images.
_base_ = '../_base_/cifar100_folders.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarThinResNet', depth=20),
    head=dict(in_channels=64, init_cfg=None))
