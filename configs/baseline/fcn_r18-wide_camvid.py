# The teacher: the same, three times as wide, trained twice as long.
_base_ = './fcn_r18-slim_camvid.py'

model = dict(
    backbone=dict(base_channels=48),
    decode_head=dict(in_channels=[48, 96, 192, 384], channels=128))
train_cfg = dict(max_iters=1800, val_interval=1800)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    dict(type='PolyLR', power=0.9, by_epoch=False, begin=50, end=1800)
]
