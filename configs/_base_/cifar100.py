# CIFAR-100 as DKD, SDD, GDKD and LSKD train it: 1 GPU x 64 images, 240 epochs.
# Their teachers expect these mean and std, which differ from MMPretrain's.
_base_ = [
    'mmpretrain::_base_/datasets/cifar100_bs16.py',
    'mmpretrain::_base_/default_runtime.py'
]
data_preprocessor = dict(
    mean=[129.3105, 124.1085, 112.404], std=[68.2125, 65.4075, 70.4055])
model = dict(
    type='ImageClassifier',
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead', num_classes=100, topk=(1, 5),
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0)))
train_dataloader = dict(batch_size=64)
val_dataloader = test_dataloader = dict(batch_size=64)
val_evaluator = test_evaluator = dict(topk=(1, 5))
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4))
param_scheduler = dict(
    type='MultiStepLR', by_epoch=True, milestones=[150, 180, 210], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=240, val_interval=1)
val_cfg, test_cfg = dict(), dict()
default_hooks = dict(checkpoint=dict(interval=40, save_best='auto'))
auto_scale_lr = dict(base_batch_size=64)
