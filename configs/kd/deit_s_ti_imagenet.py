# KD into DeiT-tiny, settings of vit-gdkd, no warm-up: 0.5 x CE + 0.5 x KD.
_base_ = '../_base_/deit_s_ti_imagenet.py'

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=0.5))),
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.KDLoss', tau=1.0, loss_weight=0.5))))
