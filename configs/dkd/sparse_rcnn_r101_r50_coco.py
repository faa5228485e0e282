# DKD, COCO: sparse_rcnn r101 teaches r50.
_base_ = [
    '../_base_/pairs/sparse_rcnn_r101_r50_coco.py',
    '../_base_/recipes/dkd_roi.py'
]
globals().update(_base_.pop('recipe'))
