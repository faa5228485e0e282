# SD-KD with the scales 1 and 2, the paper's rule for similar networks.
_base_ = './sd_kd_cifar.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(scales=(1, 2))))))
