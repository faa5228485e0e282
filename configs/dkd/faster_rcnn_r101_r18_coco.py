# DKD with the official COCO settings: every sampled RoI, background included.
_base_ = '../_base_/faster_rcnn_r101_r18_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=0.25))))
