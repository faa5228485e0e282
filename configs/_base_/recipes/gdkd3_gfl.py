# GDKD3 of classes as gdkd3_dense, and of box distributions with the settings
# of GDKD. No source has it.
_base_ = './gdkd3_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.GDKD3Loss', tau=4.0, k=5, w0=1.0, w1=1.0,
                    w2=2.0, loss_weight=0.5)))))
