# LS-DKD with beta 2: LSKD repository, name of the log of ResNet32x4 to
# WRN-16-2.
_base_ = './ls_dkd_cifar.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(beta=2.0)))))
