# CrossKD for GFL: crossed heads, its class term, and KL of the box
# distributions at tau 1 with weight 4, at every location, each weighed by the
# teacher's largest class probability.
_base_ = './kd_atss_crosskd.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(
                    type='mmkd_logit.CrossedGFLBoxLogits', region='all',
                    weighting='teacher'),
                loss=dict(
                    type='mmkd_logit.KDLoss', tau=1.0, loss_weight=4.0)))))
