# SD-NKD of the SDD repository with gamma 2 and three scales: r50_mv2/sdd_nkd.
_base_ = './sd_nkd_imagenet_sdd.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(scales=(1, 2, 4)), loss=dict(gamma=2.0)))))
