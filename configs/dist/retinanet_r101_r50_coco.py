# DIST, COCO: retinanet r101 teaches r50.
_base_ = [
    '../_base_/pairs/retinanet_r101_r50_coco.py',
    '../_base_/recipes/dist_dense.py'
]
globals().update(_base_.pop('recipe'))
