# SD-KD with three scales, those of SD-DKD for this pair.
_base_ = './sd_kd_imagenet.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(scales=(1, 2, 4))))))
