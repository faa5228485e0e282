# GDKD with w1 1, w2 1: GDKD repository res56_res20 and res110_res32.
_base_ = './gdkd_cifar.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(w1=1.0, w2=1.0)))))
