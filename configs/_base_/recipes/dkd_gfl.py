# DKD of classes as dkd_dense, and of box distributions with the settings of
# the GDKD authors (mmdet-gdkd configs/ld_mod/ld_dkd_*).
_base_ = './dkd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.DKDLoss', tau=4.0, alpha=1.0, beta=2.0,
                    loss_weight=0.5)))))
