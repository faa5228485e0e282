# CrossKD for GFL: crossed heads, its class term, and KL of the box
# distributions at tau 1 with weight 4.
_base_ = './kd_atss_crosskd.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.CrossedGFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.KDLoss', tau=1.0, loss_weight=4.0)))))
