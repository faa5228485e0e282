# LDRLD, README and train_student.py of the authors, for ResNet32x4 to
# ResNet8x4. The learning rate, not the loss, warms up for 20 epochs.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.LDRLDLoss', tau=4.0, depth=7, alpha=10.5,
                    beta=7.0)))),
    param_scheduler=[
        dict(type='LinearLR', start_factor=0.05, by_epoch=True, end=20),
        dict(type='MultiStepLR', by_epoch=True, milestones=[150, 180, 210])
    ])
