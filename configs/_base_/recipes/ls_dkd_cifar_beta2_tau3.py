# LS-DKD with beta 2 at tau 3: LSKD repository, name of the log of VGG13 to
# MobileNetV2.
_base_ = './ls_dkd_cifar_beta2.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(tau=3.0)))))
