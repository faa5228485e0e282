# SD-KD on CIFAR-100, settings of the authors' code: no warm-up, clip at 40.
# TEACHER=vgg13 STUDENT=vgg8 (say) before the command chooses another pair.
_base_ = [
    '../_base_/cifar_teacher_student_cifar100.py',
    '../_base_/cifar_pairs_sdd.py'
]
pair = _base_.pairs.get('{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}',
                        _base_.pairs['default'])
pairs = None

model = dict(
    student=dict(head=dict(loss=dict(loss_weight=0.1))),
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.ClsLogits', scales=pair['scales'],
                complementary_weight=2.0),
            loss=dict(type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.9))))
optim_wrapper = dict(clip_grad=dict(max_norm=40, norm_type=2))
work_dir = 'work_dirs/sd_kd_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
