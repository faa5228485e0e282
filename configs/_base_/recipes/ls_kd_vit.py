# KD on standardized logits for ViT students on CIFAR-100: tau 2, weight 1 x
# 10, the CE as it is (LSKD repository tiny-transformers/configs/deit).
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.KDLoss', standardize=True, tau=2.0,
                    loss_weight=10.0)))))
