# SD-NKD, ImageNet: r34 teaches r18.
# With the settings that the SDD repository runs for its tables.
_base_ = [
    '../_base_/pairs/classifier_r34_r18_imagenet.py',
    '../_base_/recipes/sd_nkd_imagenet_sdd.py'
]
globals().update(_base_.pop('recipe'))
