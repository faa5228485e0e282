# fcn_dkd.py as a new-style config: bases are imported, types are classes.
from mmengine.config import read_base

from mmkd_logit.distillers import LogitDistiller
from mmkd_logit.losses import DKDLoss

with read_base():
    from .fcn_student_new_style import *

model = dict(  # replaces the imported one, which becomes the student
    type=LogitDistiller,
    student=model,
    teacher='configs/demo/fcn_teacher.py',
    teacher_ckpt='work_dirs/demo_segmentation/teacher/iter_400.pth',
    distill=dict(
        loss_kd=dict(
            loss=dict(type=DKDLoss, tau=1.0, alpha=1.0, beta=1.0))))
