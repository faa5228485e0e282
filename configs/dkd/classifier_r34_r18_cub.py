# DKD, CUB-200-2011: r34 teaches r18.
_base_ = [
    '../_base_/pairs/classifier_r34_r18_cub.py',
    '../_base_/recipes/dkd_imagenet.py'
]
globals().update(_base_.pop('recipe'))
