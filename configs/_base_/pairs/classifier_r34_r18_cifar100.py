# ResNet-34 teaches ResNet-18 on CIFAR-100, the pair of NKD's authors. Train
# the teacher first: configs/baseline/classifier_r34_cifar100.py.
_base_ = '../../baseline/classifier_r18_cifar100.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/classifier_r34_cifar100.py',
    teacher_ckpt='checkpoints/classifier_r34_cifar100.pth')
