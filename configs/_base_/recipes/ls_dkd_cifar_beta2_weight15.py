# LS-DKD with beta 2 and weight 15: LSKD repository, names of logs/DKD.
_base_ = './ls_dkd_cifar_beta2.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(loss_weight=15.0)))))
