# The student alone: DINO, 4 scales, ResNet-18, 12 epochs (16 images a step).
_base_ = 'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(checkpoint='torchvision://resnet18')),
    neck=dict(in_channels=[128, 256, 512]))
