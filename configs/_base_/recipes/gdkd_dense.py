# GDKD of the classes and the background as one softmax (the categorical view
# of a sigmoid head), weighted by the teacher's foreground. No source has it;
# the numbers are those of gdkd_roi.
_base_ = './gdkd_roi.py'
