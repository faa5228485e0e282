# NKD, ImageNet: r50 teaches mv1.
_base_ = [
    '../_base_/pairs/classifier_r50_mv1_imagenet.py',
    '../_base_/recipes/nkd_imagenet_clip5.py'
]
globals().update(_base_.pop('recipe'))
