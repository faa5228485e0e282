# KD of each class's sigmoid: queries of one object, and encoder tokens where
# the detector scores them. Classes weighted by the gap between the models, as
# kd_dense. No setting is published.
_base_ = './kd_dense.py'
