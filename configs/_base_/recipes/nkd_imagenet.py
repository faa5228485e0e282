# NKD, cls_KD configs/distillers/imagenet: 8 GPUs x 32 images at lr 0.1.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5)))),
    train_dataloader=dict(batch_size=32),
    optim_wrapper=dict(optimizer=dict(lr=0.1)),
    auto_scale_lr=dict(base_batch_size=256))
