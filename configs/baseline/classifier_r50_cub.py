# ResNet-50 on CUB-200-2011, alone.
_base_ = '../_base_/cub_finetune.py'

model = dict(
    backbone=dict(depth=50, init_cfg=dict(
        type='Pretrained', checkpoint='torchvision://resnet50')),
    head=dict(in_channels=2048))
