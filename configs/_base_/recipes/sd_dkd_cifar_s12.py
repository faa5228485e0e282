# SD-DKD with the scales 1 and 2: SDD repository, teacher_resnet32x4.sh.
_base_ = './sd_dkd_cifar.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(scales=(1, 2))))))
