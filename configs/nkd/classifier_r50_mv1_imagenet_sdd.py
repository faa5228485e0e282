# NKD, ImageNet: r50 teaches mv1.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/classifier_r50_mv1_imagenet.py',
    '../_base_/recipes/nkd_imagenet_sdd.py'
]
globals().update(_base_.pop('recipe'))
