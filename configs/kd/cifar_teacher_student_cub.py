# KD on CUB-200-2011, settings of the SDD repository.
# TEACHER=resnet50 STUDENT=shufflenetv1 (say) chooses another pair.
_base_ = '../_base_/cifar_teacher_student_cub.py'

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=0.1))),
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.9))))
work_dir = 'work_dirs/kd_{{$TEACHER:vgg13}}_{{$STUDENT:vgg8}}_cub'
