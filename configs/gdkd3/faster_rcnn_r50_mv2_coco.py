# GDKD3, COCO: faster_rcnn r50 teaches mv2.
_base_ = [
    '../_base_/pairs/faster_rcnn_r50_mv2_coco.py',
    '../_base_/recipes/gdkd3_roi.py'
]
globals().update(_base_.pop('recipe'))
