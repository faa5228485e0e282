# TopKD; no source has it for segmentation. Its contrast compares each pixel
# with each, so a twentieth of them is drawn.
_base_ = './topkd_cifar.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.SegLogits', share=0.05)))))
