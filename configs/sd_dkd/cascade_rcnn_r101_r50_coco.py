# SD-DKD of RoIs and their quadrants with the tau, alpha and beta of the
# official detection code; its interleaved cells are cells='polyphase'.
_base_ = '../_base_/cascade_rcnn_r101_r50_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(type='mmkd_logit.RoILogits', scales=(1, 2)),
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=2.0, alpha=1.0, beta=0.25))))
