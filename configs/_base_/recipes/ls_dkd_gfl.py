# DKD on standardized logits: classes as ls_dkd_dense, box distributions with
# LSKD's tau and the weights of dkd_gfl. No source has it.
_base_ = './ls_dkd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.DKDLoss', standardize=True, tau=2.0,
                    alpha=1.0, beta=2.0, loss_weight=0.5)))))
