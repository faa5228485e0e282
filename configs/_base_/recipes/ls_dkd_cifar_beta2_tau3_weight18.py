# LS-DKD with beta 2 at tau 3 and weight 18: LSKD repository, name of the log
# of ResNet56 to ResNet20.
_base_ = './ls_dkd_cifar_beta2_tau3.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(loss_weight=18.0)))))
