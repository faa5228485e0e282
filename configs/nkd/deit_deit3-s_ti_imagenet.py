# NKD, ImageNet: deit deit3-s teaches ti.
_base_ = [
    '../_base_/pairs/deit_deit3-s_ti_imagenet.py',
    '../_base_/recipes/nkd_deit.py'
]
globals().update(_base_.pop('recipe'))
