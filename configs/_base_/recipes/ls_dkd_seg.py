# DKD on standardized logits; no source has it for segmentation.
_base_ = './dkd_seg.py'
recipe = dict(
    model=dict(
        distill=dict(loss_kd=dict(loss=dict(standardize=True, tau=2.0)))))
