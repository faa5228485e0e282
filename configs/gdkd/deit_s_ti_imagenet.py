# GDKD into DeiT-tiny, settings of vit-gdkd, no warm-up.
_base_ = '../_base_/deit_s_ti_imagenet.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.GDKDLoss', tau=1.0, k=5, w0=0.5, w1=1.0,
                w2=1.0))))
