# SD-NKD with the scales 1 and 2.
_base_ = './sd_nkd_cifar.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(scales=(1, 2))))))
