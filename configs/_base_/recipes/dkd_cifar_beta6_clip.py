# DKD with beta 6, clipped: SDD repository configs/cub200/dkd for VGG13.
_base_ = './dkd_cifar_clip.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(beta=6.0)))))
