# CrossKD's classes for RetinaNet R101 to R50: crossed heads, its class term
# and its schedule, 2x. Its term of decoded boxes (GIoU) is not here.
_base_ = './kd_atss_crosskd.py'
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
