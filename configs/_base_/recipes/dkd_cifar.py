# DKD, mdistiller configs/cifar100/dkd: tau 4, alpha 1, beta 8 (the default of
# its cfg.py), the loss warms up over 20 epochs. SDD repository for CUB.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.DKDLoss', tau=4.0, alpha=1.0,
                    beta=8.0)))),
    custom_hooks=[
        dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)
    ])
