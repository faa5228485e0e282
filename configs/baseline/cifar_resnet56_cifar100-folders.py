# ResNet-56 of the CIFAR benchmark, alone, on folders of images.
_base_ = '../_base_/cifar100_folders.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarThinResNet', depth=56),
    head=dict(in_channels=64, init_cfg=None))
