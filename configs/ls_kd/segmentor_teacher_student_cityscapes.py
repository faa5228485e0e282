# KD on standardized logits (LSKD); no source has it for segmentation.
# On CIFAR-100 and ImageNet the weight is 9; here it is that of KD.
# PAIR=segformer_b2_b0 (a file of configs/_base_) chooses another pair.
_base_ = '../_base_/{{$PAIR:deeplabv3_r101_r18}}_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.SegLogits',
                auxiliary_weight=_base_.pair.auxiliary_weight),
            loss=dict(type='mmkd_logit.KDLoss', standardize=True, tau=2.0))))
work_dir = 'work_dirs/ls_kd_{{$PAIR:deeplabv3_r101_r18}}_cityscapes'
