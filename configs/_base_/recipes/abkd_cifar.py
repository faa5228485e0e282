# ABKD, README of abkd for ResNet56 to ResNet20: alpha 0.8, beta 0.3, weight 32
# (64 in a comment of train_ab.sh).
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.ABKDLoss', tau=4.0, alpha=0.8, beta=0.3,
                    loss_weight=32.0)))))
