# GDKD, CamVid: fcn r18-wide teaches r18-slim.
_base_ = [
    '../_base_/pairs/fcn_r18-wide_r18-slim_camvid.py',
    '../_base_/recipes/gdkd_seg.py'
]
globals().update(_base_.pop('recipe'))
