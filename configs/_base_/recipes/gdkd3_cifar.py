# GDKD3, GDKD repository configs/cifar100/gdkd3: k 4, else as GDKD.
_base_ = './gdkd_cifar.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(loss=dict(type='mmkd_logit.GDKD3Loss', k=4)))))
