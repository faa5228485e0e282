# TopKD. No official code is known; what its paper leaves open has this
# project's defaults, see TopKDLoss.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(type='mmkd_logit.TopKDLoss', k=5, tau=20.0)))))
