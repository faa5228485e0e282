# DKD, beta 2, for a short run: two epochs warm up. This project's.
_base_ = './dkd_cifar_beta2.py'
recipe = dict(custom_hooks=[
    dict(type='mmkd_logit.KDWarmupHook', end=2, by_epoch=True)
])
