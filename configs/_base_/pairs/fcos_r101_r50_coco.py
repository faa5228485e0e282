# Student and teacher, both 2x with images of 640 to 800 pixels.
_base_ = '../../baseline/fcos_r50_coco.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmdet::fcos/fcos_r101-caffe_fpn_gn-head_ms-640-800-2x_coco.py',
    teacher_ckpt='auto')
