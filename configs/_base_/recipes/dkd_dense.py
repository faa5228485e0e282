# DKD of each class's sigmoid: alpha weighs the target class, beta the others.
# No setting is published; tau, alpha and beta are DKD's for RoIs (dkd_roi).
_base_ = './dkd_roi.py'
