# Teacher: the same with full width, trained for 400 iterations.
_base_ = './fcn_student.py'
model = dict(
    backbone=dict(base_channels=64),
    decode_head=dict(in_channels=[64, 128, 256, 512], channels=256))
train_cfg = dict(max_iters=400)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=400)
]
