# GDKD in each stage, with the official settings for Faster R-CNN.
_base_ = '../_base_/cascade_rcnn_r101_r50_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.GDKDLoss', tau=1.0, k=5, w0=1.0, w1=0.125,
                w2=0.25))))
