# SD-DKD on CIFAR-100 with the settings of the authors' code for each pair.
# TEACHER=vgg13 STUDENT=vgg8 (say) before the command chooses another pair.
_base_ = [
    '../_base_/cifar_teacher_student_cifar100.py',
    '../_base_/cifar_pairs_sdd.py'
]
pair = _base_.pairs.get('{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}',
                        _base_.pairs['default'])
pairs = None

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.ClsLogits', scales=pair['scales'],
                complementary_weight=2.0),
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=4.0, alpha=1.0,
                beta=pair['beta']))))
optim_wrapper = dict(clip_grad=dict(max_norm=40, norm_type=2))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)]
work_dir = 'work_dirs/sd_dkd_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
