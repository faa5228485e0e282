# DKD with beta 2: mdistiller configs/cifar100/dkd/res56_res20, res110_res32.
_base_ = './dkd_cifar.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(beta=2.0)))))
