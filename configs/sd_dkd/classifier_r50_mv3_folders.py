# Your own images in class folders: a fine-tuned ResNet-50 teaches the student
# of the inherited file, which says where the images are. Set the two paths.
_base_ = '../baseline/classifier_mv3_folders.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='work_dirs/my_resnet50/my_resnet50.py',
    teacher_ckpt='work_dirs/my_resnet50/epoch_100.pth',
    distill=dict(
        loss_kd=dict(
            logits=dict(type='mmkd_logit.ClsLogits', scales=(1, 2, 4)),
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=2.0))))
custom_hooks = [dict(type='mmkd_logit.KDAgreementHook', interval=10)]
