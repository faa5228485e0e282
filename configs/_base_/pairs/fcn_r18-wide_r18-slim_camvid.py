# Student and teacher: ResNet-18, slim and three times as wide.
# Train the teacher first: configs/baseline/fcn_r18-wide_camvid.py.
_base_ = '../../baseline/fcn_r18-slim_camvid.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='{{ fileDirname }}/../../baseline/fcn_r18-wide_camvid.py',
    teacher_ckpt='work_dirs/fcn_r18-wide_camvid/iter_1800.pth')
