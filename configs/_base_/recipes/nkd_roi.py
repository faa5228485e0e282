# NKD of every sampled RoI with its own settings for ImageNet; no source has it
# for detection.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5)))))
