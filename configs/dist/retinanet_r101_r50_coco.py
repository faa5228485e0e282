# DIST, COCO: retinanet r101 teaches r50.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/retinanet_r101_r50_coco.py',
    '../_base_/recipes/dist_dense.py'
]
globals().update(_base_.pop('recipe'))
