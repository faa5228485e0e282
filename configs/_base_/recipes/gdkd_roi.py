# GDKD of every sampled RoI, background included: detectron2-gdkd config.py for
# COCO, no warm-up.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.GDKDLoss', tau=1.0, k=5, w0=1.0,
                    w1=0.125, w2=0.25)))))
