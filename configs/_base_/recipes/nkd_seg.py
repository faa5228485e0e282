# NKD of every labelled pixel with its own settings; no source has it for
# segmentation.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.SegLogits'),
                loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5)))))
