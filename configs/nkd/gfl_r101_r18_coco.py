# NKD, COCO: gfl r101 teaches r18.
_base_ = [
    '../_base_/pairs/gfl_r101_r18_coco.py',
    '../_base_/recipes/nkd_gfl.py'
]
globals().update(_base_.pop('recipe'))
