# CIFAR-100 as images in data/cifar100/{train,test}/<class>/, sorted by class
# name, which is the order of the original files. Files are read as BGR, so
# the channels are turned round before mean and std.
_base_ = './cifar100.py'

data_preprocessor = dict(to_rgb=True)
load = dict(type='LoadImageFromFile')
data = dict(_delete_=True, type='CustomDataset', data_root='data/cifar100')
train_dataloader = dict(
    dataset=dict(data, data_prefix='train', pipeline=[
        load, dict(type='RandomCrop', crop_size=32, padding=4),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        dict(type='PackInputs')]))
val_dataloader = test_dataloader = dict(
    batch_size=200,
    dataset=dict(data, data_prefix='test', pipeline=[
        load, dict(type='PackInputs')]))
