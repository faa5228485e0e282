# KD of every sampled RoI (in each stage of a cascade). No setting for COCO is
# published: weight 1, tau 1.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(loss=dict(type='mmkd_logit.KDLoss', tau=1.0)))))
