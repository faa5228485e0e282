# LDRLD; no source has it for segmentation. Weights for tau 1 are a guess.
# PAIR=segformer_b2_b0 (a file of configs/_base_) chooses another pair.
_base_ = '../_base_/{{$PAIR:deeplabv3_r101_r18}}_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.SegLogits',
                auxiliary_weight=_base_.pair.auxiliary_weight),
            loss=dict(
                type='mmkd_logit.LDRLDLoss', tau=1.0, depth=7, alpha=1.0,
                beta=1.0))))
work_dir = 'work_dirs/ldrld_{{$PAIR:deeplabv3_r101_r18}}_cityscapes'
