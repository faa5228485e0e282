# KD of every pixel and of windows of them. No paper has it.
_base_ = './kd_seg_all.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(windows=(1, 2), complementary_weight=2.0)))))
