# KD of each class's sigmoid at every location, classes weighted by the gap
# between the models: CrossKD's class term and weight, without crossed heads.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.KDQFLLoss', beta=1.0,
                    loss_weight=1.0)))))
