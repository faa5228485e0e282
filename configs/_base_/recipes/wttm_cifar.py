# WTTM with gamma 0.2 and weight 4, which TTM's README gives beside CRD (weight
# 0.8, not here); alone it is not published.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.WTTMLoss', gamma=0.2,
                    loss_weight=4.0)))))
