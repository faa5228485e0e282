# ResNet-56 of the CIFAR benchmark teaches a ViT of DeiT-tiny's width.
_base_ = '../../baseline/vit_ti_cifar100.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/cifar_resnet56_cifar100.py',
    teacher_ckpt='checkpoints/cifar_resnet56_cifar100.pth')
