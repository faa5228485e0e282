# DIST of each class's sigmoid at every location: MasKD
# mmrazor/configs/distill/dist for RetinaNet, which takes the nine anchors of a
# place as one row and each level by itself; here an anchor is a row.
_base_ = './dist_roi.py'
