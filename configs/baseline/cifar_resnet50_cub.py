# ResNet-50 on CUB-200-2011, alone.
_base_ = '../_base_/cub.py'

model = dict(
    backbone=dict(
        type='mmkd_logit.CifarFullResNet', depth=50, large_input=True),
    head=dict(in_channels=2048, init_cfg=None))
