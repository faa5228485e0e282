# MobileNetV1 alone on ImageNet, schedule of the distillation papers.
_base_ = './classifier_r18_imagenet.py'

model = dict(
    backbone=dict(_delete_=True, type='mmkd_logit.MobileNetV1'),
    head=dict(in_channels=1024))
