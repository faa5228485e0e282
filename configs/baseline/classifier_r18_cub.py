# ResNet-18 on CUB-200-2011, alone.
_base_ = '../_base_/cub_finetune.py'

model = dict(
    backbone=dict(depth=18, init_cfg=dict(
        type='Pretrained', checkpoint='torchvision://resnet18')),
    head=dict(in_channels=512))
