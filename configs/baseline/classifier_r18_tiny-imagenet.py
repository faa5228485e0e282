# ResNet-18 on Tiny-ImageNet, alone.
_base_ = '../_base_/tiny_imagenet.py'

model = dict(
    backbone=dict(depth=18, init_cfg=dict(
        type='Pretrained', checkpoint='torchvision://resnet18')),
    head=dict(in_channels=512))
