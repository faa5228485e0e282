# Teacher: Faster R-CNN, ResNet-18 of full width, trained for 400 iterations.
_base_ = './faster_rcnn_student.py'
model = dict(
    backbone=dict(base_channels=64),
    neck=dict(in_channels=[64, 128, 256, 512]))
train_cfg = dict(max_iters=400)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=400)
]
