# DKD with the official settings for Faster R-CNN; the masks are not
# distilled (configs/kd has such a term).
_base_ = '../_base_/mask_rcnn_r101_r18_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=0.25))))
