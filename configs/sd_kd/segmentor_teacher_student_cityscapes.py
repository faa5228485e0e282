# KD of pixels and of windows of them. No paper has it.
# PAIR=segformer_b2_b0 (a file of configs/_base_) chooses another pair.
_base_ = '../_base_/{{$PAIR:deeplabv3_r101_r18}}_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.SegLogits', windows=_base_.pair.windows,
                auxiliary_weight=_base_.pair.auxiliary_weight),
            loss=dict(type='mmkd_logit.KDLoss', tau=1.0))))
work_dir = 'work_dirs/sd_kd_{{$PAIR:deeplabv3_r101_r18}}_cityscapes'
