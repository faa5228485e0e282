# KD on standardized logits (LSKD), CIFAR-100, settings of the authors' logs.
# TEACHER=vgg13 STUDENT=vgg8 (say) before the command chooses another pair.
_base_ = [
    '../_base_/cifar_teacher_student_cifar100.py',
    '../_base_/cifar_pairs_lskd.py'
]
pair = _base_.pairs.get('{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}',
                        _base_.pairs['default'])
pairs = None

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=0.1))),
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.KDLoss', standardize=True,
                tau=pair['kd'][0], loss_weight=pair['kd'][1]))))
work_dir = 'work_dirs/ls_kd_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
