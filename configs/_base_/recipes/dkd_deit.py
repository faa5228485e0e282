# DKD of transformers, vit-gdkd config/dkd.yaml, no warm-up.
_base_ = './dkd_imagenet.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(alpha=0.5, beta=1.0)))))
