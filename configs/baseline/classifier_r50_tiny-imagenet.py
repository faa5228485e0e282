# ResNet-50 on Tiny-ImageNet, alone.
_base_ = '../_base_/tiny_imagenet.py'

model = dict(
    backbone=dict(depth=50, init_cfg=dict(
        type='Pretrained', checkpoint='torchvision://resnet50')),
    head=dict(in_channels=2048))
