# KD of classes as kd_dense, and of box distributions with the settings of the
# GDKD authors (mmdet-gdkd configs/ld_mod/ld_kd_*).
_base_ = './kd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.5)))))
