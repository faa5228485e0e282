# GDKD with w1 2, w2 8: GDKD repository res32x4_res8x4.
_base_ = './gdkd_cifar.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(w1=2.0, w2=8.0)))))
