# GDKD of box distributions with the authors' settings. The classes are
# sigmoids, which GDKD does not compare: KD, as in configs/kd.
_base_ = '../_base_/gfl_r101_r18_coco.py'

model = dict(
    distill=dict(
        loss_kd=dict(
            loss=dict(
                type='mmkd_logit.KDQFLLoss', beta=1.0, loss_weight=1.0)),
        loss_kd_box=dict(
            logits=dict(type='mmkd_logit.GFLBoxLogits'),
            loss=dict(
                type='mmkd_logit.GDKDLoss', tau=4.0, k=5, w0=1.0, w1=1.0,
                w2=2.0, loss_weight=0.5))))
