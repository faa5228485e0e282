# TopKD; no source has it for segmentation. Its contrast compares each pixel
# with each and takes pixels of one class for different ones, so a twentieth of
# the labelled pixels is drawn.
_base_ = './topkd.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.SegLogits', share=0.05)))))
