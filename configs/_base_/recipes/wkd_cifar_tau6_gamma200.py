# WKD-L, WKD repository configs/cifar100/wkd_l, WRN-40-2 to ShuffleNetV1.
_base_ = './wkd_cifar.py'
recipe = dict(
    model=dict(
        distill=dict(loss_kd=dict(loss=dict(tau=6.0, gamma=200.0)))))
