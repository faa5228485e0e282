# resnet110 teaches resnet20 on cifar100.
_base_ = '../../baseline/cifar_resnet20_cifar100.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/cifar_resnet110_cifar100.py',
    teacher_ckpt='checkpoints/cifar_resnet110_cifar100.pth')
