# GDKD3 of every sampled RoI, detectron2-gdkd config.py for COCO: its groups
# are the first class, the second, and the others (k 2), with the weights 1 and
# 0.25; the group of one class has no inside, so w1 is 0. No warm-up.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.GDKD3Loss', tau=1.0, k=2, w0=1.0,
                    w1=0.0, w2=0.25)))))
