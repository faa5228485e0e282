# GDKD with w1 1, w2 1 for six epochs, of which two warm up. This project's.
_base_ = './gdkd_cifar_w1-1.py'
recipe = dict(custom_hooks=[
    dict(type='mmkd_logit.KDWarmupHook', end=2, by_epoch=True)
])
