# GDKD with w1 2, w2 2: GDKD repository configs/imagenet/r50_mv1/gdkd.yaml.
_base_ = './gdkd_imagenet.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(w1=2.0, w2=2.0)))))
