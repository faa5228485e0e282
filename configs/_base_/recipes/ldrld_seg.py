# LDRLD; no source has it for segmentation. Weights for tau 1 are a guess.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.SegLogits'),
                loss=dict(
                    type='mmkd_logit.LDRLDLoss', tau=1.0, depth=7, alpha=1.0,
                    beta=1.0)))))
