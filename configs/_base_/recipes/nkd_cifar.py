# NKD with its own tau 1 and gamma 1.5, and a warm-up over 20 epochs, as in the
# SDD repository's mdistiller/distillers/nkd.py, but with NKD's own mask.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5)))),
    custom_hooks=[
        dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)
    ])
