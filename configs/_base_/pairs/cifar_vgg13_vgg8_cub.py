# vgg13 teaches vgg8 on cub.
_base_ = '../../baseline/cifar_vgg8_cub.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/cifar_vgg13_cub.py',
    teacher_ckpt='checkpoints/cifar_vgg13_cub.pth')
