# LDRLD whose learning rate reaches its full value after 20 epochs, as its
# warm-up seems to be meant.
_base_ = './ldrld_cifar.py'
recipe = dict(param_scheduler=[
    dict(type='LinearLR', start_factor=0.05, by_epoch=True, end=20),
    dict(type='MultiStepLR', by_epoch=True, milestones=[150, 180, 210])
])
