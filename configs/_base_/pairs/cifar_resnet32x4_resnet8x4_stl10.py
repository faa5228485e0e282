# resnet32x4 teaches resnet8x4 on stl10.
_base_ = '../../baseline/cifar_resnet8x4_stl10.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/cifar_resnet32x4_stl10.py',
    teacher_ckpt='checkpoints/cifar_resnet32x4_stl10.pth')
