# KD of every pixel, ignored ones too. Settings as for DeepLabV3; no source has
# SegFormer.
_base_ = '../_base_/segformer_b2_b0_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(type='mmkd_logit.SegLogits', ignored='teacher'),
            loss=dict(type='mmkd_logit.KDLoss', tau=1.0))))
