# WKD-L, WKD repository configs/imagenet/wkd_l, ResNet34 to ResNet18: 256
# images at lr 0.1; gamma falls along a cosine from the first epoch on.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.WKDLoss', tau=2.0, gamma=30.0, lam=0.05,
                    iterations=10, cost='checkpoints/costs_imagenet.npy')))),
    train_dataloader=dict(batch_size=32),
    optim_wrapper=dict(optimizer=dict(lr=0.1)),
    auto_scale_lr=dict(base_batch_size=256),
    custom_hooks=[
        dict(
            type='mmkd_logit.KDDecayHook', setting='gamma', begin=0,
            by_epoch=True)
    ])
