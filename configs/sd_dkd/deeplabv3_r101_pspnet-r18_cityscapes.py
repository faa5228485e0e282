# DKD of pixels and of windows of them, settings of DKD. No paper has it.
_base_ = '../_base_/deeplabv3_r101_pspnet-r18_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.SegLogits', windows=(1, 2, 4),
                complementary_weight=2.0, auxiliary_weight=0.4),
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=2.0))))
