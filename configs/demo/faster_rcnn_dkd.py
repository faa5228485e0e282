# Student with DKD: official COCO settings, nothing else differs from
# faster_rcnn_student.py.
_base_ = './faster_rcnn_student.py'
model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='configs/demo/faster_rcnn_teacher.py',
    teacher_ckpt='work_dirs/demo_detection/teacher/iter_400.pth',
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=0.25))))
