# DIST, ImageNet: r50 teaches mv1.
_base_ = [
    '../_base_/pairs/classifier_r50_mv1_imagenet.py',
    '../_base_/recipes/dist_imagenet.py'
]
globals().update(_base_.pop('recipe'))
