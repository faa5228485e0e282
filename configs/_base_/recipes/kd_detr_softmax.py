# KD of queries of one object whose classes and "no object" are one softmax
# (DETR), as kd_roi. No setting is published.
_base_ = './kd_roi.py'
