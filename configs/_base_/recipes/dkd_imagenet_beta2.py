# DKD with beta 2: mdistiller configs/imagenet/r50_mv1/dkd.yaml.
_base_ = './dkd_imagenet.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(beta=2.0)))))
