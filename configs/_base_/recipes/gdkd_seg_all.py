# GDKD of every pixel, ignored ones too, as in the authors' code (seg-gdkd).
_base_ = './gdkd_seg.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(ignored='teacher')))))
