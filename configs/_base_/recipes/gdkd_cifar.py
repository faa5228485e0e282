# GDKD, GDKD repository configs/cifar100/gdkd: tau 4, k 5, w1 1, w2 8 (the
# defaults of its cfg.py), the loss warms up over 20 epochs.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.GDKDLoss', tau=4.0, k=5, w0=1.0, w1=1.0,
                    w2=8.0)))),
    custom_hooks=[
        dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)
    ])
