# NKD into DeiT-tiny, settings of cls_KD, which adds ViTKD (not here).
_base_ = '../_base_/deit_s_ti_imagenet.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.0))))
