# CrossKD's two terms for GFL without its crossed heads: classes as kd_dense,
# box distributions at tau 1 with weight 4.
_base_ = './kd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.KDLoss', tau=1.0, loss_weight=4.0)))))
