# TopKD, ImageNet: deit s teaches ti.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/deit_s_ti_imagenet.py',
    '../_base_/recipes/topkd_imagenet.py'
]
globals().update(_base_.pop('recipe'))
