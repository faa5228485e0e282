# Faster R-CNN FPN on COCO as the official code of DKD trains it, in
# MMDetection's terms: 8 images a step, lr 0.01, frozen batch norm, 12 epochs
# (the 180k iterations of detectron2 are 12.3), images of 640 to 800 pixels.
_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'

model = dict(backbone=dict(norm_cfg=dict(requires_grad=False)))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='RandomChoiceResize',
        scales=[(1333, side) for side in range(640, 801, 32)],
        keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=0.01))
warmup = dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=1001)
decay = dict(type='MultiStepLR', milestones=[8, 11], gamma=0.1)
param_scheduler = [warmup, decay]
auto_scale_lr = dict(base_batch_size=8)
custom_hooks = [dict(type='mmkd_logit.SeedEachIterHook')]
