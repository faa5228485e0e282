# Tiny-ImageNet at 224 px from ImageNet weights, as GDKD fine-tunes: 100 epochs
# on 1 GPU x 64 images. Make data/tiny-imagenet-200/val_list.txt first, with
# tools/dataset_converters/tiny_imagenet.py.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'

model = dict(head=dict(num_classes=200))
data_preprocessor = dict(num_classes=200)
train_dataloader = dict(
    batch_size=64,
    dataset=dict(
        _delete_=True, type='CustomDataset', pipeline=_base_.train_pipeline,
        data_root='data/tiny-imagenet-200', data_prefix='train'))
val_dataloader = dict(
    batch_size=64,
    dataset=dict(
        _delete_=True, type='CustomDataset', pipeline=_base_.test_pipeline,
        data_root='data/tiny-imagenet-200', data_prefix='val/images',
        ann_file='val_list.txt'))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=0.001, weight_decay=1e-3))
param_scheduler = dict(milestones=[30, 60])
auto_scale_lr = dict(base_batch_size=64)
