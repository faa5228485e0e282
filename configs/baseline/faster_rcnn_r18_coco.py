# The student alone: Faster R-CNN, ResNet-18 FPN.
_base_ = '../_base_/faster_rcnn_coco.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(checkpoint='torchvision://resnet18')),
    neck=dict(in_channels=[64, 128, 256, 512]))
