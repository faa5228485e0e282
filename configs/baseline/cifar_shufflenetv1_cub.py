# ShuffleNetV1 on CUB-200-2011, alone.
_base_ = '../_base_/cub.py'

model = dict(
    backbone=dict(type='mmkd_logit.CifarShuffleNetV1', large_input=True),
    head=dict(in_channels=960, init_cfg=None))
optim_wrapper = dict(optimizer=dict(lr=0.01))
