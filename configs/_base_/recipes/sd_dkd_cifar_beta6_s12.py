# SD-DKD with beta 6 and the scales 1 and 2: SDD repository, teacher_vgg.sh.
_base_ = './sd_dkd_cifar_beta6.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(scales=(1, 2))))))
