# KD, Cityscapes: segformer mask2former-r101 teaches b0.
_base_ = [
    '../_base_/pairs/segformer_mask2former-r101_b0_cityscapes.py',
    '../_base_/recipes/kd_seg_all.py'
]
globals().update(_base_.pop('recipe'))
