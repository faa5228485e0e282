# wrn_40_2 teaches vgg8 on cifar100.
_base_ = '../../baseline/cifar_vgg8_cifar100.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/cifar_wrn_40_2_cifar100.py',
    teacher_ckpt='checkpoints/cifar_wrn_40_2_cifar100.pth')
