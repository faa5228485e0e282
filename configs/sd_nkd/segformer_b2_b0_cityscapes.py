# SD-NKD, Cityscapes: segformer b2 teaches b0.
_base_ = [
    '../_base_/pairs/segformer_b2_b0_cityscapes.py',
    '../_base_/recipes/sd_nkd_seg.py'
]
globals().update(_base_.pop('recipe'))
