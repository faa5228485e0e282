# The same for a short run: the first two epochs warm up. This project's.
_base_ = './sd_dkd_cifar_beta2_s12.py'
recipe = dict(custom_hooks=[
    dict(type='mmkd_logit.KDWarmupHook', end=2, by_epoch=True)
])
