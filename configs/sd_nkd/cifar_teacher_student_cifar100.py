# SD-NKD on CIFAR-100 with NKD's own tau and gamma. The published numbers come
# from tau=4, gamma=beta of SD-DKD and nontarget_includes_target=True.
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
            loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5))))
optim_wrapper = dict(clip_grad=dict(max_norm=40, norm_type=2))
custom_hooks = [dict(type='mmkd_logit.KDWarmupHook', end=20, by_epoch=True)]
work_dir = 'work_dirs/sd_nkd_{{$TEACHER:resnet32x4}}_{{$STUDENT:resnet8x4}}'
