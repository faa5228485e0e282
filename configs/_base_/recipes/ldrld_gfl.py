# LDRLD of classes as ldrld_dense, and of box distributions (17 bins, depth 7)
# with tau and weight of the other losses there. No source has it.
_base_ = './ldrld_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.LDRLDLoss', tau=4.0, depth=7, alpha=1.0,
                    beta=1.0, loss_weight=0.5)))))
