# KD, COCO: atss r101 teaches r50.
# With the crossed heads and the settings of CrossKD.
_base_ = [
    '../_base_/pairs/atss_r101_r50_coco.py',
    '../_base_/recipes/kd_atss_crosskd.py'
]
globals().update(_base_.pop('recipe'))
