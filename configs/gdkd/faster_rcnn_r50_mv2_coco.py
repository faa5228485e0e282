# GDKD, COCO: faster_rcnn r50 teaches mv2.
_base_ = [
    '../_base_/pairs/faster_rcnn_r50_mv2_coco.py',
    '../_base_/recipes/gdkd_roi.py'
]
globals().update(_base_.pop('recipe'))
