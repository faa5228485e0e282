# ResNet-34 on CUB-200-2011, alone.
_base_ = '../_base_/cub_finetune.py'

model = dict(
    backbone=dict(depth=34, init_cfg=dict(
        type='Pretrained', checkpoint='torchvision://resnet34')),
    head=dict(in_channels=512))
