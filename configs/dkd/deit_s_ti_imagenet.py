# DKD into DeiT-tiny, settings of vit-gdkd, no warm-up.
_base_ = '../_base_/deit_s_ti_imagenet.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=0.5, beta=1.0))))
