# NKD on CIFAR-100: its own settings, with the warm-up of SDD's baseline.
_base_ = '../_base_/cifar_teacher_student_cifar100.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5))))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)]
work_dir = 'work_dirs/nkd_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
