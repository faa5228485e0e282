# GDKD3, ImageNet: deit s teaches ti.
_base_ = [
    '../_base_/pairs/deit_s_ti_imagenet.py',
    '../_base_/recipes/gdkd3_imagenet.py'
]
globals().update(_base_.pop('recipe'))
