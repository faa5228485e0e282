# vgg13 teaches mobilenetv2 on cifar100.
_base_ = '../../baseline/cifar_mobilenetv2_cifar100.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/cifar_vgg13_cifar100.py',
    teacher_ckpt='checkpoints/cifar_vgg13_cifar100.pth')
