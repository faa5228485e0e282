# TTM with gamma 0.1 and weight 45: README of TTM, VGG13 to VGG8.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.WTTMLoss', weighted=False, gamma=0.1,
                    loss_weight=45.0)))))
