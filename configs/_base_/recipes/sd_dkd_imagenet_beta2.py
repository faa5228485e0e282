# SD-DKD with beta 2 and three scales: SDD repository r50_mv2/sdd_dkd.yaml.
_base_ = './sd_dkd_imagenet.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(scales=(1, 2, 4)), loss=dict(beta=2.0)))))
