# DKD with beta 6: mdistiller configs/cifar100/dkd for WRN and VGG teachers,
# SDD repository configs/{cifar100,cub200}/dkd for the pairs it adds.
_base_ = './dkd_cifar.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(beta=6.0)))))
