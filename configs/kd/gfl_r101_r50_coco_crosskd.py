# KD, COCO: gfl r101 teaches r50.
# With the settings of CrossKD, but without its crossed heads.
_base_ = [
    '../_base_/pairs/gfl_r101_r50_coco.py',
    '../_base_/recipes/kd_gfl_crosskd.py'
]
globals().update(_base_.pop('recipe'))
