# A fifth of CIFAR-100 (100 images a class) for 30 epochs on a CPU, one cycle.
_base_ = './cifar100_folders.py'

train_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(data_root='data/cifar100_short'))
val_dataloader = test_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(data_root='data/cifar100_short'))
param_scheduler = dict(
    _delete_=True, type='OneCycleLR', eta_max=0.1, total_steps=30,
    by_epoch=True, convert_to_iter_based=True)
train_cfg = dict(max_epochs=30, val_interval=5)
