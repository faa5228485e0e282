# TopKD, Tiny-ImageNet: r34 teaches r18.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/classifier_r34_r18_tiny-imagenet.py',
    '../_base_/recipes/topkd_imagenet.py'
]
globals().update(_base_.pop('recipe'))
