# GDKD, CUB-200-2011: r50 teaches mv1.
_base_ = [
    '../_base_/pairs/classifier_r50_mv1_cub.py',
    '../_base_/recipes/gdkd_imagenet_w2-2.py'
]
globals().update(_base_.pop('recipe'))
