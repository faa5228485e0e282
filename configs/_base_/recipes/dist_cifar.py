# DIST at tau 4 with weight 2: image_classification_sota
# configs/strategies/distill/dist_cifar.yaml (dist_t4), beside the whole CE.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.DISTLoss', tau=4.0, beta=1.0, gamma=1.0,
                    loss_weight=2.0)))))
