# KD of every pixel, ignored ones too, as in the authors' code of GDKD
# (seg-gdkd).
_base_ = './kd_seg.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(ignored='teacher')))))
