# DKD on standardized logits, tau 2, weight 9 (of alpha and of beta), beta 8:
# LSKD repository, ResNet32x4 to ResNet8x4. Warm-up as with DKD.
_base_ = './dkd_cifar.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(standardize=True, tau=2.0, loss_weight=9.0)))))
