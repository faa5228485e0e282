# GDKD for a short run: the first two epochs warm up. This project's.
_base_ = './gdkd_cifar_w1-1.py'
recipe = dict(custom_hooks=[
    dict(type='mmkd_logit.KDWarmupHook', end=2, by_epoch=True)
])
