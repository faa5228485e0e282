# Student with DKD; nothing else differs from fcn_student.py.
_base_ = './fcn_student.py'
model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='configs/demo/fcn_teacher.py',
    teacher_ckpt='work_dirs/demo_segmentation/teacher/iter_400.pth',
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=1.0))))
