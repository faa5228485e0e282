# CUB-200-2011 from ImageNet weights, as GDKD fine-tunes (GDKD repository
# configs/TL/cub2011): 100 epochs on 1 GPU x 64 images at lr 0.0025.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'

model = dict(head=dict(num_classes=200))
data_preprocessor = dict(num_classes=200)
data = dict(_delete_=True, type='CUB', data_root='data/CUB_200_2011')
train_dataloader = dict(
    batch_size=64,
    dataset=dict(data, split='train', pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(
    batch_size=64,
    dataset=dict(data, split='test', pipeline=_base_.test_pipeline))
optim_wrapper = dict(optimizer=dict(lr=0.0025, weight_decay=1e-3))
param_scheduler = dict(milestones=[40, 80])
auto_scale_lr = dict(base_batch_size=64)
