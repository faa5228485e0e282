# LS-KD at tau 3 with weight 1: LSKD repository, name of the log of ResNet50 to
# MobileNetV2.
_base_ = './ls_kd_cifar_tau3.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(loss_weight=1.0)))))
