# GDKD of classes as gdkd_dense, and of box distributions with the authors'
# settings, mmdet-gdkd configs/ld_mod/ld_gdkd_*.
_base_ = './gdkd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.GDKDLoss', tau=4.0, k=5, w0=1.0, w1=1.0,
                    w2=2.0, loss_weight=0.5)))))
