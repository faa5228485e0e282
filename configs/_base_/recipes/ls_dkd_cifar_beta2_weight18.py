# LS-DKD with beta 2 and weight 18: LSKD repository, name of the log of
# WRN-40-2 to ResNet8x4.
_base_ = './ls_dkd_cifar_beta2.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(loss_weight=18.0)))))
