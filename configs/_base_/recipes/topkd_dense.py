# TopKD of the classes and the background as one softmax (the categorical view
# of a sigmoid head), without its contrast. No source has it.
_base_ = './topkd_roi.py'
