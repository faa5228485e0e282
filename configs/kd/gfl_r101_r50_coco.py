# KD of classes, as CrossKD but without its crossed heads, and of box
# distributions, with the settings of the GDKD authors.
_base_ = '../_base_/gfl_r101_r50_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.KDQFLLoss', beta=1.0, loss_weight=1.0)),
        loss_kd_box=dict(
            logits=dict(type='mmkd_logit.GFLBoxLogits'),
            loss=dict(
                type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.5))))
