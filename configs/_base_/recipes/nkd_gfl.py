# NKD of classes as nkd_dense, and of box distributions with tau and weight of
# the other losses there. No source has it.
_base_ = './nkd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.NKDLoss', tau=4.0, gamma=1.5,
                    loss_weight=0.5)))))
