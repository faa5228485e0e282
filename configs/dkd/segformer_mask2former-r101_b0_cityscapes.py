# DKD, Cityscapes: segformer mask2former-r101 teaches b0.
_base_ = [
    '../_base_/pairs/segformer_mask2former-r101_b0_cityscapes.py',
    '../_base_/recipes/dkd_seg.py'
]
globals().update(_base_.pop('recipe'))
