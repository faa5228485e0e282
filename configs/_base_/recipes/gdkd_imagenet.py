# GDKD, no warm-up: GDKD repository configs/imagenet/r34_r18/gdkd.yaml,
# configs/TL, vit-gdkd config/gdkd.yaml.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.GDKDLoss', tau=1.0, k=5, w0=0.5, w1=1.0,
                    w2=1.0)))))
