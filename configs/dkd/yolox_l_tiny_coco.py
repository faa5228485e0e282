# DKD, COCO: yolox l teaches tiny.
_base_ = [
    '../_base_/pairs/yolox_l_tiny_coco.py',
    '../_base_/recipes/dkd_dense.py'
]
globals().update(_base_.pop('recipe'))
