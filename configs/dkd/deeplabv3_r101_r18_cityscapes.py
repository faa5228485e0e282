# DKD of every labelled pixel, settings of the authors' code of GDKD.
_base_ = '../_base_/deeplabv3_r101_r18_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(type='mmkd_logit.SegLogits', auxiliary_weight=0.4),
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=2.0))))
