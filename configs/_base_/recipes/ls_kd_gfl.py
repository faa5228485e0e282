# KD on standardized logits: classes as ls_kd_dense, box distributions with
# LSKD's tau. No source has it.
_base_ = './ls_kd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.KDLoss', standardize=True, tau=2.0,
                    loss_weight=0.5)))))
