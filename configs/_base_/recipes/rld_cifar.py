# RLD, README of its repository for CIFAR-100 (--same-t): both temperatures 4,
# alpha 1, beta 8, the loss warms up over 20 epochs. The best beta of each pair
# is not published.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.RLDLoss', tau=4.0, tau_alpha=4.0,
                    alpha=1.0, beta=8.0)))),
    custom_hooks=[
        dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)
    ])
