# SD-NKD of the SDD repository with gamma 6 and the scales 1 and 2.
_base_ = './sd_nkd_cifar_sdd_gamma6.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(scales=(1, 2))))))
