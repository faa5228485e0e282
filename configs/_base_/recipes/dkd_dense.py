# DKD of each class's sigmoid: alpha weighs the target class, beta the others.
# No setting is published; these are the ones of dkd_roi.
_base_ = './dkd_roi.py'
