# GDKD3 with w1 1, w2 6: GDKD repository vgg13_vgg8 and vgg13_mv2.
_base_ = './gdkd_cifar_w1-6.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(loss=dict(type='mmkd_logit.GDKD3Loss', k=4)))))
