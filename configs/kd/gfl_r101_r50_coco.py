# KD, COCO: gfl r101 teaches r50.
_base_ = [
    '../_base_/pairs/gfl_r101_r50_coco.py',
    '../_base_/recipes/kd_gfl.py'
]
globals().update(_base_.pop('recipe'))
