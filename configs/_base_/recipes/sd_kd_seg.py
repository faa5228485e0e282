# KD of pixels and of windows of them. No paper has it.
_base_ = './kd_seg.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(windows=(1, 2), complementary_weight=2.0)))))
