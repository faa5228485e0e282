# KD of every location of a head whose classes and background are one softmax
# (SSD), as kd_roi. No setting is published.
_base_ = './kd_roi.py'
