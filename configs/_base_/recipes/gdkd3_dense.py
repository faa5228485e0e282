# GDKD3 of the classes and the background as one softmax (the categorical view
# of a sigmoid head), weighted by the teacher's foreground. No source has it;
# the numbers are those of gdkd3_roi.
_base_ = './gdkd3_roi.py'
