# WSLD, knowledge_distiller.py of its repository and mmrazor
# configs/distill/mmcls/wsld: tau 2, weight 2.5, 256 images at lr 0.1.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.WSLDLoss', tau=2.0, loss_weight=2.5)))),
    train_dataloader=dict(batch_size=32),
    optim_wrapper=dict(optimizer=dict(lr=0.1)),
    auto_scale_lr=dict(base_batch_size=256))
