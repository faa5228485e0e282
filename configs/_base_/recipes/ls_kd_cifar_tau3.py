# LS-KD at tau 3: LSKD repository, names of logs/KD.
_base_ = './ls_kd_cifar.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(tau=3.0)))))
