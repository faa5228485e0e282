# DIST, Cityscapes: deeplabv3 r101 teaches pspnet-r18.
_base_ = [
    '../_base_/pairs/deeplabv3_r101_pspnet-r18_cityscapes.py',
    '../_base_/recipes/dist_seg.py'
]
globals().update(_base_.pop('recipe'))
