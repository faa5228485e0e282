# DKD on standardized logits, LSKD repository configs/imagenet/r34_r18: tau 2,
# weight 9 of alpha and of beta 0.5.
_base_ = './dkd_imagenet.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(standardize=True, tau=2.0, loss_weight=9.0)))))
