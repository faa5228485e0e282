# TopKD; no source has it for segmentation. Its contrast compares each pixel
# with each, so a twentieth of them is drawn.
# PAIR=segformer_b2_b0 (a file of configs/_base_) chooses another pair.
_base_ = '../_base_/{{$PAIR:deeplabv3_r101_r18}}_cityscapes.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(type='mmkd_logit.SegLogits', share=0.05),
            loss=dict(type='mmkd_logit.TopKDLoss', k=5, tau=20.0))))
work_dir = 'work_dirs/topkd_{{$PAIR:deeplabv3_r101_r18}}_cityscapes'
