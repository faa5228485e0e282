# WRN-40-1 of the CIFAR benchmark, alone. The head starts as PyTorch's own,
# but with zero biases.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarWRN', depth=40, widen=1),
    head=dict(in_channels=64, init_cfg=dict(
        type='Kaiming', layer='Linear', a=5**0.5, mode='fan_in',
        nonlinearity='leaky_relu', distribution='uniform')))
