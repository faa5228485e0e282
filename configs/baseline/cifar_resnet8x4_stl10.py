# resnet8x4 on STL-10, alone.
_base_ = '../_base_/stl10.py'

model = dict(
    backbone=dict(
        type='mmkd_logit.CifarThinResNet', depth=8, widen=4,
        large_input=True),
    head=dict(in_channels=256, init_cfg=None))
