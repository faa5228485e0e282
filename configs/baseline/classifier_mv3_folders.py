# Your own images in data/folders/{train,val}/<class>/: a MobileNetV3 alone,
# from ImageNet weights, 1 GPU x 64 images. Stock MMPretrain reads this file.
_base_ = 'mmpretrain::mobilenet_v3/mobilenet-v3-small_8xb128_in1k.py'
num_classes, epochs = 10, 50

model = dict(
    backbone=dict(init_cfg=dict(
        type='Pretrained', checkpoint='mmcls://mobilenet_v3_small',
        prefix='backbone')),
    head=dict(num_classes=num_classes))
data_preprocessor = dict(num_classes=num_classes)
data = dict(_delete_=True, type='CustomDataset', data_root='data/folders')
train_dataloader = dict(batch_size=64, dataset=dict(
    data, data_prefix='train', pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(
    data, data_prefix='val', pipeline=_base_.test_pipeline))
val_evaluator = test_evaluator = dict(topk=(1, ))
optim_wrapper = dict(optimizer=dict(
    _delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))
param_scheduler = dict(
    _delete_=True, type='CosineAnnealingLR', T_max=epochs,
    convert_to_iter_based=True)
train_cfg = dict(max_epochs=epochs)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3, save_best='auto'))
auto_scale_lr = dict(base_batch_size=64)
