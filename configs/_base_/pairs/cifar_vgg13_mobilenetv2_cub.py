# vgg13 teaches mobilenetv2 on cub.
_base_ = '../../baseline/cifar_mobilenetv2_cub.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/cifar_vgg13_cub.py',
    teacher_ckpt='checkpoints/cifar_vgg13_cub.pth')
