# MobileNetV1, from weights of configs/baseline/classifier_mv1_imagenet.py,
# on CUB-200-2011, alone.
_base_ = '../_base_/cub_finetune.py'

model = dict(
    backbone=dict(
        _delete_=True, type='mmkd_logit.MobileNetV1', init_cfg=dict(
            type='Pretrained', prefix='backbone.',
            checkpoint='checkpoints/classifier_mv1_imagenet.pth')),
    head=dict(in_channels=1024))
