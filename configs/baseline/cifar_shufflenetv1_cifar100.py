# ShuffleNetV1 for 32 px, alone. Official lr: 0.01.
_base_ = '../_base_/cifar100.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarShuffleNetV1'),
    head=dict(in_channels=960, init_cfg=None))
optim_wrapper = dict(optimizer=dict(lr=0.01))
