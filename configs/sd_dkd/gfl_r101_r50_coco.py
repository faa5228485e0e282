# SD-DKD on windows of the class maps, this project's extension: no setting is
# published, these are the ones of configs/dkd.
_base_ = '../_base_/gfl_r101_r50_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            logits=dict(type='mmkd_logit.DenseClsLogits', windows=(1, 2)),
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=1.0, alpha=1.0, beta=0.25,
                use_sigmoid=True)),
        loss_kd_box=dict(
            logits=dict(type='mmkd_logit.GFLBoxLogits'),
            loss=dict(
                type='mmkd_logit.DKDLoss', tau=4.0, alpha=1.0, beta=2.0,
                loss_weight=0.5))))
