# DIST, Cityscapes: deeplabv3 r101 teaches r18.
_base_ = [
    '../_base_/pairs/deeplabv3_r101_r18_cityscapes.py',
    '../_base_/recipes/dist_seg.py'
]
globals().update(_base_.pop('recipe'))
