# ResNet-20 teaches ResNet-8 on the CIFAR-10 subset.
_base_ = '../../baseline/cifar_resnet8_cifar10-subset.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/'
    'cifar_resnet20_cifar10-subset.py',
    teacher_ckpt='work_dirs/cifar_resnet20_cifar10-subset/epoch_12.pth')
