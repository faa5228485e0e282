# TopKD on CIFAR-100. No official code is known; what its paper leaves open has
# this project's defaults, see TopKDLoss.
_base_ = '../_base_/cifar_teacher_student_cifar100.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.TopKDLoss', k=5, tau=20.0))))
work_dir = 'work_dirs/topkd_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
