# RLD with beta 0.5, no warm-up: RLD repository configs/imagenet/r34_r18.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.RLDLoss', tau=1.0, tau_alpha=1.0,
                    alpha=1.0, beta=0.5)))))
