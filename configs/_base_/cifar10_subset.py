# A small real run for the CPU: 10,000 images of CIFAR-10 in class folders,
# halved to 16 x 16 pixels, 6 epochs.
_base_ = './cifar100.py'

model = dict(head=dict(num_classes=10))
data_preprocessor = dict(num_classes=10, to_rgb=True)
load = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(16, 16))]
data = dict(
    _delete_=True, type='CustomDataset', data_root='data/cifar10_subset')
train_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(data, data_prefix='train', pipeline=load + [
        dict(type='RandomCrop', crop_size=16, padding=2),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
        dict(type='PackInputs')]))
val_dataloader = test_dataloader = dict(
    num_workers=0, persistent_workers=False, batch_size=200,
    dataset=dict(data, data_prefix='test', pipeline=load + [
        dict(type='PackInputs')]))
param_scheduler = dict(
    _delete_=True, type='CosineAnnealingLR', by_epoch=True,
    convert_to_iter_based=True, T_max=6)
train_cfg = dict(max_epochs=6, val_interval=2)
