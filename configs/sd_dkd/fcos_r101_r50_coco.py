# SD-DKD, COCO: fcos r101 teaches r50.
_base_ = [
    '../_base_/pairs/fcos_r101_r50_coco.py',
    '../_base_/recipes/sd_dkd_dense.py'
]
globals().update(_base_.pop('recipe'))
