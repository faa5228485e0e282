# DKD with beta 0.5, no warm-up: mdistiller configs/imagenet/r34_r18/dkd.yaml,
# GDKD repository configs/TL.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0,
                    beta=0.5)))))
