# ResNet-34 on Tiny-ImageNet, alone.
_base_ = '../_base_/tiny_imagenet.py'

model = dict(
    backbone=dict(depth=34, init_cfg=dict(
        type='Pretrained', checkpoint='torchvision://resnet34')),
    head=dict(in_channels=512))
