# DKD of pixels and of windows of two sizes, for different architectures.
_base_ = './sd_dkd_seg.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(logits=dict(windows=(1, 2, 4))))))
