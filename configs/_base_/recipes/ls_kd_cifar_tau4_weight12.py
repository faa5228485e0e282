# LS-KD at tau 4 with weight 12: LSKD repository, name of the log of ResNet110
# to ResNet20.
_base_ = './ls_kd_cifar.py'
recipe = dict(
    model=dict(
        distill=dict(loss_kd=dict(loss=dict(tau=4.0, loss_weight=12.0)))))
