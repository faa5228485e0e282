# KD of every pixel on standardized logits; no source has it for segmentation.
# On CIFAR-100 and ImageNet the weight is 9; here it is that of KD.
_base_ = './kd_seg_all.py'
recipe = dict(
    model=dict(
        distill=dict(loss_kd=dict(loss=dict(standardize=True, tau=2.0)))))
