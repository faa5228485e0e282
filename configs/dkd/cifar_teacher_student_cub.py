# DKD on CUB-200-2011, settings of the SDD repository.
# TEACHER=resnet50 STUDENT=shufflenetv1 (say) chooses another pair.
_base_ = '../_base_/cifar_teacher_student_cub.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=4.0, alpha=1.0,
                beta=_base_.pair.beta))))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)]
work_dir = 'work_dirs/dkd_{{$TEACHER:vgg13}}_{{$STUDENT:vgg8}}_cub'
