# GDKD on CamVid with the settings of Cityscapes.
_base_ = '../_base_/fcn_r18-wide_r18-slim_camvid.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.GDKDLoss', tau=1.0, k=3, w0=1.0, w1=1.0,
                w2=2.0))))
