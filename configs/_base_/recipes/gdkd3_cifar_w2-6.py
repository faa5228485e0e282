# GDKD3 with w1 2, w2 6: GDKD repository wrn40_2_wrn_16_2, _40_1 and _shuv1.
_base_ = './gdkd_cifar_w2-6.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(loss=dict(type='mmkd_logit.GDKD3Loss', k=4)))))
