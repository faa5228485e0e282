# GDKD3 on CIFAR-100 with the official settings of each pair.
_base_ = [
    '../_base_/cifar_teacher_student_cifar100.py',
    '../_base_/cifar_pairs_dkd.py'
]
pair = _base_.pairs.get('{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}',
                        _base_.pairs['default'])
pairs = None

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.GDKD3Loss', tau=4.0, k=4, w0=1.0,
                w1=pair['w1'], w2=pair['w2']))))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)]
work_dir = 'work_dirs/gdkd3_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
