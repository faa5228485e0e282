# NKD, ImageNet: deit deit3-l teaches b.
_base_ = [
    '../_base_/pairs/deit_deit3-l_b_imagenet.py',
    '../_base_/recipes/nkd_deit.py'
]
globals().update(_base_.pop('recipe'))
