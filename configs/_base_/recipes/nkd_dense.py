# NKD of the classes and the background as one softmax (the categorical view of
# a sigmoid head), weighted by the teacher's foreground. No source has it.
_base_ = './nkd_roi.py'
