# GDKD3 with w1 1, w2 1: GDKD repository res56_res20 and res110_res32.
_base_ = './gdkd_cifar_w1-1.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(loss=dict(type='mmkd_logit.GDKD3Loss', k=4)))))
