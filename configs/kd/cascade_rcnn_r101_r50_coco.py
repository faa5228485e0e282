# KD of the classes in each stage. No setting is published: weight 1 per
# stage, tau 1.
_base_ = '../_base_/cascade_rcnn_r101_r50_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.KDLoss', tau=1.0, loss_weight=1.0))))
