# DKD of each class's sigmoid: queries of one object, and encoder tokens where
# the detector scores them. No setting is published; DKD's for RoIs
# (dkd_roi).
_base_ = './dkd_roi.py'
