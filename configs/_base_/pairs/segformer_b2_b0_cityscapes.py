# Student and teacher: SegFormer, MiT-B0 and MiT-B2 (trained on larger crops).
_base_ = '../../baseline/segformer_b0_cityscapes.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmseg::segformer/'
    'segformer_mit-b2_8xb1-160k_cityscapes-1024x1024.py',
    teacher_ckpt='auto')
