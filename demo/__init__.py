"""The quick start: the whole tool on a small generated dataset.

``python -m demo`` generates the data, trains a teacher, a student
alone and a student with DKD through ``tools/train.py``, and leaves a table
and pictures.
"""
