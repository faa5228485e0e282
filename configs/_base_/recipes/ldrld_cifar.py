# LDRLD, README and train_student.py of the authors, for ResNet32x4 to
# ResNet8x4. The learning rate, not the loss, warms up, and as in their code
# (helper/util.py) it stays at 19/20 of its value until epoch 150.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.LDRLDLoss', tau=4.0, depth=7, alpha=10.5,
                    beta=7.0)))),
    param_scheduler=[
        dict(
            type='LinearLR', start_factor=1 / 20, end_factor=19 / 20,
            by_epoch=True, end=19),
        dict(
            type='MultiStepLR', by_epoch=True, milestones=[150],
            gamma=0.1 / (19 / 20)),
        dict(
            type='MultiStepLR', by_epoch=True, milestones=[180, 210],
            gamma=0.1)
    ])
