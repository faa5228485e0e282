# MobileNetV2 on CUB-200-2011, alone.
_base_ = '../_base_/cub.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarMobileNetV2', large_input=True),
    head=dict(in_channels=1280))
optim_wrapper = dict(optimizer=dict(lr=0.01))
