# DIST of every pixel, ignored ones too, without a temperature: DIST_KD
# segmentation/losses/dist_kd.py and train_kd.py.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.SegLogits', ignored='teacher'),
                loss=dict(
                    type='mmkd_logit.DISTLoss', tau=1.0, beta=1.0,
                    gamma=1.0)))))
