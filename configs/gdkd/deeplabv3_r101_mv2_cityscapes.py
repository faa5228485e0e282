# GDKD of every pixel, ignored ones too, settings of the authors' code.
_base_ = '../_base_/deeplabv3_r101_mv2_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(type='mmkd_logit.SegLogits', ignored='teacher'),
            loss=dict(
                type='mmkd_logit.GDKDLoss', tau=1.0, k=3, w0=1.0, w1=1.0,
                w2=2.0))))
