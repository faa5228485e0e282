# KD on every sampled RoI. No setting for COCO is published: weight 1, tau 1.
_base_ = '../_base_/faster_rcnn_r101_r18_coco.py'

model = dict(
    distill=dict(loss_kd=dict(loss=dict(type='mmkd_logit.KDLoss', tau=1.0))))
