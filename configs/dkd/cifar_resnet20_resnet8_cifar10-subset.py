# DKD on the CIFAR-10 subset, warm-up 2 epochs.
_base_ = '../_base_/cifar_resnet20_resnet8_cifar10-subset.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=4.0, alpha=1.0, beta=2.0))))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=2, by_epoch=True)]
