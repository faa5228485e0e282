# SD-NKD on CUB-200-2011: protocol of the SDD repository, NKD's own tau, gamma.
# TEACHER=resnet50 STUDENT=shufflenetv1 (say) chooses another pair.
_base_ = '../_base_/cifar_teacher_student_cub.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.ClsLogits', scales=_base_.pair.scales,
                complementary_weight=2.0),
            loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5))))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)]
work_dir = 'work_dirs/sd_nkd_{{$TEACHER:vgg13}}_{{$STUDENT:vgg8}}_cub'
