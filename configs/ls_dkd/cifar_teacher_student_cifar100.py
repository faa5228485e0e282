# DKD on standardized logits (LSKD), CIFAR-100, settings of the authors' logs.
# TEACHER=vgg13 STUDENT=vgg8 (say) before the command chooses another pair.
_base_ = [
    '../_base_/cifar_teacher_student_cifar100.py',
    '../_base_/cifar_pairs_lskd.py'
]
pair = _base_.pairs.get('{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}',
                        _base_.pairs['default'])
pairs = None

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', standardize=True, alpha=1.0,
                tau=pair['dkd'][0], loss_weight=pair['dkd'][1],
                beta=pair['dkd'][2]))))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)]
work_dir = 'work_dirs/ls_dkd_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
