# 900 steps of AdamW; the teacher has 1800.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=900, val_interval=900)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=10))
warmup = dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50)
decay = dict(type='PolyLR', power=0.9, by_epoch=False, begin=50, end=900)
param_scheduler = [warmup, decay]
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=20, log_metric_by_epoch=False),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=300))
randomness = dict(seed=0)
