# ResNet-18 alone on ImageNet as DKD, SDD, GDKD and LSKD train it: 100 epochs,
# 8 GPUs x 64 images (512 in all), lr 0.2; MMPretrain has 256 and 0.1.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'

train_dataloader = dict(batch_size=64)
optim_wrapper = dict(optimizer=dict(lr=0.2))
auto_scale_lr = dict(base_batch_size=512)
