# Any two networks of configs/baseline/cifar_*_cub.py. The authors run
# resnet32x4 with mobilenetv2 and shufflenetv1, vgg13 with mobilenetv2 and
# vgg8, resnet50 with shufflenetv1; all with three scales.
_base_ = '../baseline/cifar_{{$STUDENT:vgg8}}_cub.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../baseline/'
    'cifar_{{$TEACHER:vgg13}}_cub.py',
    teacher_ckpt='checkpoints/cifar_{{$TEACHER:vgg13}}_cub.pth')
optim_wrapper = dict(clip_grad=dict(max_norm=40, norm_type=2))
pair = dict(
    beta=6.0 if '{{$TEACHER:vgg13}}' == 'vgg13' else 8.0, scales=(1, 2, 4))
