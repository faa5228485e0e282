# KD, COCO: dino r50 teaches r18.
_base_ = [
    '../_base_/pairs/dino_r50_r18_coco.py',
    '../_base_/recipes/kd_detr.py'
]
globals().update(_base_.pop('recipe'))
