# KD on standardized logits of the classes and the background as one softmax
# (the categorical view of a sigmoid head). No source has it, and little is to
# be expected: the background's logit, else 0, moves with the row.
_base_ = './ls_kd_roi.py'
