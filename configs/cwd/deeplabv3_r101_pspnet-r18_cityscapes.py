# CWD, Cityscapes: deeplabv3 r101 teaches pspnet-r18.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/deeplabv3_r101_pspnet-r18_cityscapes.py',
    '../_base_/recipes/cwd_seg.py'
]
globals().update(_base_.pop('recipe'))
