# KD of classes and masks. No setting is published: weight 1, tau 1.
_base_ = '../_base_/mask_rcnn_r101_r18_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.KDLoss', tau=1.0, loss_weight=1.0)),
        loss_kd_mask=dict(
            logits=dict(type='mmkd_logit.MaskLogits'),
            loss=dict(
                type='mmkd_logit.KDLoss', tau=1.0, use_sigmoid=True,
                loss_weight=1.0))))
