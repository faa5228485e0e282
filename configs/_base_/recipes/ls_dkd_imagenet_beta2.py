# LS-DKD with beta 2: LSKD repository configs/imagenet/r50_mv2 (its network is
# MobileNetV1).
_base_ = './ls_dkd_imagenet.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(beta=2.0)))))
