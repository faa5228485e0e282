# GDKD3 of every pixel with the settings of GDKD; no source has it for
# segmentation.
_base_ = './gdkd_seg_all.py'
recipe = dict(
    model=dict(
        distill=dict(loss_kd=dict(loss=dict(type='mmkd_logit.GDKD3Loss')))))
