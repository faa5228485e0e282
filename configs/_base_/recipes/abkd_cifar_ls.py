# ABKD on standardized logits, ghwang-s/abkd train_ls.sh: alpha 0.9, beta 0.3,
# tau 2, weight 9, 0.1 x CE.
recipe = dict(
    model=dict(
        student=dict(head=dict(loss=dict(loss_weight=0.1))),
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.ABKDLoss', tau=2.0, alpha=0.9, beta=0.3,
                    standardize=True, loss_weight=9.0)))))
