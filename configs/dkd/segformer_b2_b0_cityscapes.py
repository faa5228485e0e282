# DKD of every labelled pixel. Settings as for DeepLabV3; no source has
# SegFormer.
_base_ = '../_base_/segformer_b2_b0_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=2.0))))
