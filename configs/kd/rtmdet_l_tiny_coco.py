# KD of each class's sigmoid at every location, classes weighted by the gap
# between the models. No setting for RTMDet is published: weight 1.
_base_ = '../_base_/rtmdet_l_tiny_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.KDQFLLoss', beta=1.0, loss_weight=1.0))))
