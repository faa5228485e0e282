# VGG-8 on CUB-200-2011, alone.
_base_ = '../_base_/cub.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarVGG', depth=8),
    head=dict(in_channels=512))
