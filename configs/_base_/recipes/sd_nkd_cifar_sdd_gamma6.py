# SD-NKD of the SDD repository with gamma 6: VGG13, and WRN-40-2 to
# MobileNetV2.
_base_ = './sd_nkd_cifar_sdd.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(gamma=6.0)))))
