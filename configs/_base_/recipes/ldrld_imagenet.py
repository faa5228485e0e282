# LDRLD. The paper names this data, its settings are not in our sources: tau 1
# as DKD has it there, and weights 1, a guess.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.LDRLDLoss', tau=1.0, depth=7, alpha=1.0,
                    beta=1.0)))))
