# DKD of each class's sigmoid: alpha weighs the target class, beta the others.
# No setting is published; these are the ones of Faster R-CNN.
_base_ = '../_base_/rtmdet_l_tiny_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=0.25,
                use_sigmoid=True))))
