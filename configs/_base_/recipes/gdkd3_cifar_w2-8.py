# GDKD3 with w1 2, w2 8: GDKD repository res32x4_res8x4.
_base_ = './gdkd_cifar_w2-8.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(loss=dict(type='mmkd_logit.GDKD3Loss', k=4)))))
