# KD of RoIs and of the masks' pixels. No setting is published: weight 1 and
# tau 1.
_base_ = './kd_roi.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_mask=dict(
                logits=dict(type='mmkd_logit.MaskLogits'),
                loss=dict(type='mmkd_logit.KDLoss', tau=1.0)))))
