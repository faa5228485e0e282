# LDRLD of every pixel. No source has it for segmentation; the weights for tau
# 1 are those of ldrld_imagenet, a guess.
_base_ = './ldrld_imagenet.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.SegLogits', ignored='teacher')))))
