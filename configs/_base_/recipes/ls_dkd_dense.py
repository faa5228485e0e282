# DKD on standardized logits of the classes and the background as one softmax
# (the categorical view of a sigmoid head), with the reservation of
# ls_kd_dense.
_base_ = './ls_dkd_roi.py'
