# ResNet-56 with published weights teaches ResNet-20 on a fifth of CIFAR-100.
# Convert them first: tools/model_converters/mdistiller.py resnet56.
_base_ = '../../baseline/cifar_resnet20_cifar100-short.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/'
    'cifar_resnet56_cifar100-folders.py',
    teacher_ckpt='checkpoints/cifar_resnet56_cifar100.pth')
