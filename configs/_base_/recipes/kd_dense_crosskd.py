# CrossKD's class term and its schedule for RetinaNet R101 to R50, 2x, without
# its crossed heads.
_base_ = './kd_dense.py'
recipe = dict(
    train_cfg=dict(max_epochs=24),
    param_scheduler=[
        dict(
            type='LinearLR', start_factor=0.001, by_epoch=False, begin=0,
            end=500),
        dict(
            type='MultiStepLR', begin=0, end=24, by_epoch=True,
            milestones=[16, 22], gamma=0.1)
    ])
