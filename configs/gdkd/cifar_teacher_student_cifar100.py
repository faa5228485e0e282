# GDKD on CIFAR-100 with the official settings of each pair. (The authors' own
# teachers are trained with AutoAugment and Cutout.)
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
                type='mmkd_logit.GDKDLoss', tau=4.0, k=5, w0=1.0,
                w1=pair['w1'], w2=pair['w2']))))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)]
work_dir = 'work_dirs/gdkd_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
