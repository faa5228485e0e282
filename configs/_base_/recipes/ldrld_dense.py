# LDRLD of the classes and the background as one softmax (the categorical view
# of a sigmoid head); its pairs of a class and the background are KD of that
# class's sigmoid. No source has it; weights 1 are a guess.
_base_ = './ldrld_imagenet.py'
