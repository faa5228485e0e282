# GDKD of every labelled pixel, settings of the authors' code (seg-gdkd).
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.SegLogits'),
                loss=dict(
                    type='mmkd_logit.GDKDLoss', tau=1.0, k=3, w0=1.0, w1=1.0,
                    w2=2.0)))))
