# Student with KD of classes and box distributions, settings of configs/kd;
# nothing else differs from gfl_student.py.
_base_ = './gfl_student.py'
model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='configs/demo/gfl_teacher.py',
    teacher_ckpt='work_dirs/demo_gfl/teacher/iter_600.pth',
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.KDQFLLoss', beta=1.0)),
        loss_kd_box=dict(
            logits=dict(type='mmkd_logit.GFLBoxLogits'),
            loss=dict(type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.5))))
