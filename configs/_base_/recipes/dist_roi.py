# DIST of every sampled RoI: MasKD mmrazor/configs/distill/dist, where the
# teacher is the first stage of a Cascade R-CNN X101.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.DISTLoss', tau=1.0, beta=1.0,
                    gamma=1.0)))))
