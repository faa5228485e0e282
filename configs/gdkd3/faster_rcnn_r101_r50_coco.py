# GDKD3, COCO: faster_rcnn r101 teaches r50.
_base_ = [
    '../_base_/pairs/faster_rcnn_r101_r50_coco.py',
    '../_base_/recipes/gdkd3_roi.py'
]
globals().update(_base_.pop('recipe'))
