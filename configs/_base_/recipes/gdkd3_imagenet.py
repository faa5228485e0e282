# GDKD3 of transformers, vit-gdkd config/gdkd3.yaml, no warm-up.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.GDKD3Loss', tau=1.0, k=5, w0=1.0,
                    w1=1.0, w2=1.0)))))
