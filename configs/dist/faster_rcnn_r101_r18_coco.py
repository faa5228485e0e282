# DIST, COCO: faster_rcnn r101 teaches r18.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/faster_rcnn_r101_r18_coco.py',
    '../_base_/recipes/dist_roi.py'
]
globals().update(_base_.pop('recipe'))
