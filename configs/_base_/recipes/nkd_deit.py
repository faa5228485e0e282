# NKD of transformers, cls_KD, which adds ViTKD (not here).
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.0)))))
