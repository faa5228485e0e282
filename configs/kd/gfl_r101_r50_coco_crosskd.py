# KD, COCO: gfl r101 teaches r50.
# With the crossed heads and the settings of CrossKD.
_base_ = [
    '../_base_/pairs/gfl_r101_r50_coco.py',
    '../_base_/recipes/kd_gfl_crosskd.py'
]
globals().update(_base_.pop('recipe'))
