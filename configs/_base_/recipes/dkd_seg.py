# DKD of every labelled pixel, settings of the authors' code of GDKD
# (seg-gdkd).
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.SegLogits'),
                loss=dict(
                    type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0,
                    beta=2.0)))))
