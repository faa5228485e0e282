# GDKD3 with the settings of GDKD; no source has it for segmentation.
# PAIR=segformer_b2_b0 (a file of configs/_base_) chooses another pair.
_base_ = '../_base_/{{$PAIR:deeplabv3_r101_r18}}_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(
                type='mmkd_logit.SegLogits',
                auxiliary_weight=_base_.pair.auxiliary_weight),
            loss=dict(
                type='mmkd_logit.GDKD3Loss', tau=1.0, k=3, w0=1.0, w1=1.0,
                w2=2.0))))
work_dir = 'work_dirs/gdkd3_{{$PAIR:deeplabv3_r101_r18}}_cityscapes'
