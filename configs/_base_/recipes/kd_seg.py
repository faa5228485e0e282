# KD of every labelled pixel, tau 1, weight 1.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.SegLogits'),
                loss=dict(type='mmkd_logit.KDLoss', tau=1.0)))))
