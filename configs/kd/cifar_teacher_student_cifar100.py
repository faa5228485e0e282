# KD on CIFAR-100, official settings: tau 4, 0.1 x CE + 0.9 x KD. Run with
# TEACHER=vgg13 STUDENT=vgg8 (say) before the command for another pair.
_base_ = '../_base_/cifar_teacher_student_cifar100.py'

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=0.1))),
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.9))))
work_dir = 'work_dirs/kd_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
