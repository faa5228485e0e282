# DeiT-tiny alone, MMPretrain's own recipe: 4 GPUs x 256 images, mixup, cutmix.
_base_ = 'mmpretrain::deit/deit-tiny_4xb256_in1k.py'
