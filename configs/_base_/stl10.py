# STL-10 in class folders (tools/dataset_converters/stl10.py), 5,000 training
# images of 96 px. The networks are those of CIFAR with a 7 x 7 stem; batch and
# schedule are those of CIFAR-100: no source has others.
_base_ = './cifar100.py'

model = dict(head=dict(num_classes=10))
data_preprocessor = dict(
    num_classes=10, to_rgb=True, mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375])
data = dict(_delete_=True, type='CustomDataset', data_root='data/stl10')
load = [dict(type='LoadImageFromFile')]
train_dataloader = dict(dataset=dict(
    data, data_prefix='train', pipeline=load + [
        dict(type='RandomCrop', crop_size=96, padding=12),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        dict(type='PackInputs')]))
val_dataloader = test_dataloader = dict(dataset=dict(
    data, data_prefix='test', pipeline=load + [dict(type='PackInputs')]))
