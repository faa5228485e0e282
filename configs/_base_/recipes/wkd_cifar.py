# WKD-L, WKD repository configs/cifar100/wkd_l, ResNet32x4 to ResNet8x4; after
# epoch 150 gamma falls along a cosine. The costs: see read_costs; the authors
# have 1 - CKA of the teacher's class features, kappa 1.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.WKDLoss', tau=8.0, gamma=600.0, lam=0.05,
                    iterations=10, cost='checkpoints/costs_cifar100.npy')))),
    custom_hooks=[
        dict(
            type='mmkd_logit.KDDecayHook', setting='gamma', begin=150,
            by_epoch=True)
    ])
