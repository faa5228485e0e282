# KD, Cityscapes: deeplabv3 r101 teaches pspnet-mv2.
_base_ = [
    '../_base_/pairs/deeplabv3_r101_pspnet-mv2_cityscapes.py',
    '../_base_/recipes/kd_seg_all.py'
]
globals().update(_base_.pop('recipe'))
