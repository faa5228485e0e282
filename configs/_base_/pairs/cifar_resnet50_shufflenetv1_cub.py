# resnet50 teaches shufflenetv1 on cub.
_base_ = '../../baseline/cifar_shufflenetv1_cub.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/cifar_resnet50_cub.py',
    teacher_ckpt='checkpoints/cifar_resnet50_cub.pth')
