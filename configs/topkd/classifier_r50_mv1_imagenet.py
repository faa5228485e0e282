# TopKD, ImageNet: r50 teaches mv1.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/classifier_r50_mv1_imagenet.py',
    '../_base_/recipes/topkd_imagenet.py'
]
globals().update(_base_.pop('recipe'))
