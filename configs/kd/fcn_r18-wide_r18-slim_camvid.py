# KD on CamVid with the settings of Cityscapes.
_base_ = '../_base_/fcn_r18-wide_r18-slim_camvid.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.KDLoss', tau=1.0))))
