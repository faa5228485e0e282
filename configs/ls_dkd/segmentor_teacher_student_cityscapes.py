# DKD on standardized logits (LSKD); no source has it for segmentation.
# PAIR=segformer_b2_b0 (a file of configs/_base_) chooses another pair.
_base_ = '../_base_/{{$PAIR:deeplabv3_r101_r18}}_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.SegLogits',
                auxiliary_weight=_base_.pair.auxiliary_weight),
            loss=dict(
                type='mmkd_logit.DKDLoss', standardize=True, tau=2.0,
                alpha=1.0, beta=2.0))))
work_dir = 'work_dirs/ls_dkd_{{$PAIR:deeplabv3_r101_r18}}_cityscapes'
