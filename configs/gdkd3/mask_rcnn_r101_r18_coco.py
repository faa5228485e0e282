# GDKD3, COCO: mask_rcnn r101 teaches r18.
_base_ = [
    '../_base_/pairs/mask_rcnn_r101_r18_coco.py',
    '../_base_/recipes/gdkd3_roi.py'
]
globals().update(_base_.pop('recipe'))
