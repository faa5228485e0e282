# LDRLD on CIFAR-100. alpha and beta are published for resnet32x4 -> resnet8x4
# only. The learning rate, not the loss, warms up for 20 epochs.
_base_ = '../_base_/cifar_teacher_student_cifar100.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.LDRLDLoss', tau=4.0, depth=7, alpha=10.5,
                beta=7.0))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=True, end=20),
    dict(type='MultiStepLR', by_epoch=True, milestones=[150, 180, 210])
]
work_dir = 'work_dirs/ldrld_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
