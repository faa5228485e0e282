# GDKD on the CIFAR-10 subset, warm-up 2 epochs.
_base_ = '../_base_/cifar_resnet20_resnet8_cifar10-subset.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.GDKDLoss', tau=4.0, k=5, w0=1.0, w1=1.0,
                w2=1.0))))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=2, by_epoch=True)]
