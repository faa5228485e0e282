# ResNet-18 with a stem for 32 px on CIFAR-100, alone, on the schedule of NKD's
# authors: 200 epochs of 128 images at lr 0.1, x 0.2 after 60, 120 and 160.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(type='ResNet_CIFAR', depth=18, out_indices=(3, )),
    head=dict(in_channels=512))
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=0.1))
param_scheduler = dict(milestones=[60, 120, 160], gamma=0.2)
train_cfg = dict(max_epochs=200)
auto_scale_lr = dict(base_batch_size=128)
