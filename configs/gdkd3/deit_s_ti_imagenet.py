# GDKD3 into DeiT-tiny, settings of vit-gdkd, no warm-up.
_base_ = '../_base_/deit_s_ti_imagenet.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.GDKD3Loss', tau=1.0, k=5, w0=1.0, w1=1.0,
                w2=1.0))))
