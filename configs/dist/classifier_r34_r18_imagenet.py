# DIST, ImageNet: r34 teaches r18.
_base_ = [
    '../_base_/pairs/classifier_r34_r18_imagenet.py',
    '../_base_/recipes/dist_imagenet.py'
]
globals().update(_base_.pop('recipe'))
