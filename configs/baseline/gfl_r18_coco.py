# The student alone: GFL, ResNet-18 FPN, 1x (16 images a step, lr 0.01).
_base_ = './gfl_r50_coco.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(checkpoint='torchvision://resnet18')),
    neck=dict(in_channels=[64, 128, 256, 512]))
