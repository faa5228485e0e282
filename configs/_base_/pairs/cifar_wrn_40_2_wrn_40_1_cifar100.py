# wrn_40_2 teaches wrn_40_1 on cifar100.
_base_ = '../../baseline/cifar_wrn_40_1_cifar100.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/cifar_wrn_40_2_cifar100.py',
    teacher_ckpt='checkpoints/cifar_wrn_40_2_cifar100.pth')
