# DIST at tau 1 with weight 2: image_classification_sota
# configs/strategies/distill/resnet_dist.yaml, 8 GPUs x 32 images at lr 0.1.
# Its columns are those of one GPU.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.DISTLoss', tau=1.0, beta=1.0, gamma=1.0,
                    loss_weight=2.0)))),
    train_dataloader=dict(batch_size=32),
    optim_wrapper=dict(optimizer=dict(lr=0.1)),
    auto_scale_lr=dict(base_batch_size=256))
