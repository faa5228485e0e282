# SD-NKD of the SDD repository with the scales 1 and 2: ResNet32x4 to
# ResNet8x4, and, for SD-NKD alone, ResNet50 and WRN-40-2 to VGG8 (its
# teacher_*.sh).
_base_ = './sd_nkd_cifar_sdd.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(scales=(1, 2))))))
