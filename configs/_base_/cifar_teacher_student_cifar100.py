# Any two networks of configs/baseline/cifar_*_cifar100.py, chosen by two
# environment variables, for example: TEACHER=vgg13 STUDENT=vgg8
# The teacher's weights: train its baseline, or convert a published file with
# tools/model_converters/mdistiller.py.
_base_ = '../baseline/cifar_{{$STUDENT:resnet8x4}}_cifar100.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../baseline/'
    'cifar_{{$TEACHER:resnet32x4}}_cifar100.py',
    teacher_ckpt='checkpoints/cifar_{{$TEACHER:resnet32x4}}_cifar100.pth')
