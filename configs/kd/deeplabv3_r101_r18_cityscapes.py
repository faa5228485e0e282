# KD of every pixel, ignored ones too, as in the authors' code of GDKD.
_base_ = '../_base_/deeplabv3_r101_r18_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.SegLogits',
                ignored='teacher', auxiliary_weight=0.4),
            loss=dict(type='mmkd_logit.KDLoss', tau=1.0))))
