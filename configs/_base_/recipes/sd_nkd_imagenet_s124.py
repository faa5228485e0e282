# SD-NKD with three scales.
_base_ = './sd_nkd_imagenet.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(scales=(1, 2, 4))))))
