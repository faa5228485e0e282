# LDRLD of every sampled RoI. No source has it for detection; the weights are
# those of ldrld_imagenet, a guess.
_base_ = './ldrld_imagenet.py'
