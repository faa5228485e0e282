# Student and teacher: PSPNet ResNet-18 and DeepLabV3 ResNet-101.
_base_ = '../../baseline/pspnet_r18_cityscapes.py'

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher='mmseg::deeplabv3/'
    'deeplabv3_r101-d8_4xb2-80k_cityscapes-512x1024.py',
    teacher_ckpt='auto',
    distill=dict(  # the weight of the student's own auxiliary loss
        loss_kd=dict(
            logits=dict(type='mmkd_logit.SegLogits', auxiliary_weight=0.4))))
