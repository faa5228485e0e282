# CUB-200-2011 as SDD trains it from scratch: 1 GPU x 64 images, 224 px. The
# networks are those of CIFAR with a 7 x 7 stem; VGG keeps its own (28 x 28).
_base_ = './cifar100.py'

model = dict(head=dict(num_classes=200))
data_preprocessor = dict(
    num_classes=200, to_rgb=True, mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375])
load = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(256, 256))]
data = dict(_delete_=True, type='CUB', data_root='data/CUB_200_2011')
train_dataloader = dict(
    drop_last=True,
    dataset=dict(data, split='train', pipeline=load + [
        dict(type='RandomCrop', crop_size=224),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        dict(type='PackInputs')]))
val_dataloader = test_dataloader = dict(
    dataset=dict(data, split='test', pipeline=load + [
        dict(type='CenterCrop', crop_size=224), dict(type='PackInputs')]))
