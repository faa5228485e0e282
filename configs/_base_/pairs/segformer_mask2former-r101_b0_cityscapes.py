# Student and teacher: SegFormer, MiT-B0, and Mask2Former, ResNet-101, which is
# read through its semantic map.
_base_ = '../../baseline/segformer_b0_cityscapes.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmseg::mask2former/'
    'mask2former_r101_8xb2-90k_cityscapes-512x1024.py',
    teacher_ckpt='auto')
