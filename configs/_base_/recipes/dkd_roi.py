# DKD of every sampled RoI, background included: mdistiller
# detection/model/__init__.py for COCO, no warm-up.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0,
                    beta=0.25)))))
