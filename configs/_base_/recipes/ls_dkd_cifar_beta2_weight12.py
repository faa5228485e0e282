# LS-DKD with beta 2 and weight 12: LSKD repository, names of the logs of
# WRN-40-2 to WRN-16-2 and WRN-40-1.
_base_ = './ls_dkd_cifar_beta2.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(loss_weight=12.0)))))
