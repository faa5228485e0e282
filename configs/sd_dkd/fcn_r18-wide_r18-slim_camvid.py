# DKD of pixels and windows on CamVid with the settings of Cityscapes.
_base_ = '../_base_/fcn_r18-wide_r18-slim_camvid.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.SegLogits', windows=(1, 2),
                complementary_weight=2.0),
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=2.0))))
