# TopKD, STL-10: resnet32x4 teaches resnet8x4.
# No setting is published for this pair; the recipe is a guess.
_base_ = [
    '../_base_/pairs/cifar_resnet32x4_resnet8x4_stl10.py',
    '../_base_/recipes/topkd_imagenet.py'
]
globals().update(_base_.pop('recipe'))
