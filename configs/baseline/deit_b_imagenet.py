# DeiT-base alone, MMPretrain's own recipe: 16 GPUs x 64 images, mixup, cutmix.
_base_ = 'mmpretrain::deit/deit-base_16xb64_in1k.py'
