# KD on standardized logits, tau 2, weight 9, 0.1 x CE: the defaults of the
# LSKD repository; the variants are from the names of the authors' logs.
recipe = dict(
    model=dict(
        student=dict(head=dict(loss=dict(loss_weight=0.1))),
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.KDLoss', standardize=True, tau=2.0,
                    loss_weight=9.0)))))
