# GDKD with w1 1, w2 6: GDKD repository vgg13_vgg8 and vgg13_mv2.
_base_ = './gdkd_cifar.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(w1=1.0, w2=6.0)))))
