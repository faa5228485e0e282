# MobileNetV2 of half width for 32 px, alone. Official lr: 0.01.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarMobileNetV2'),
    head=dict(in_channels=1280))
optim_wrapper = dict(optimizer=dict(lr=0.01))
