# A ViT of DeiT-tiny's width for 32 px (patches of 4) on CIFAR-100, alone, with
# AdamW for 300 epochs of 128 images. The authors of LSKD train DeiT-tiny with
# the code of tiny-transformers, whose schedule is not in our sources.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(
        type='VisionTransformer', arch='deit-tiny', img_size=32, patch_size=4),
    neck=None,
    head=dict(_delete_=True, type='VisionTransformerClsHead', num_classes=100,
              in_channels=192, topk=(1, 5), loss=dict(
                  type='CrossEntropyLoss', loss_weight=1.0)))
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(
    _delete_=True, type='AdamW', lr=5e-4, weight_decay=0.05))
param_scheduler = dict(
    _delete_=True, type='CosineAnnealingLR', by_epoch=True,
    convert_to_iter_based=True, T_max=300)
train_cfg = dict(max_epochs=300)
auto_scale_lr = dict(base_batch_size=128)
