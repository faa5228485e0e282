# TopKD of classes as topkd_dense, and of box distributions (17 bins) without
# its contrast, with the weight of the other losses there. No source has it.
_base_ = './topkd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd_box=dict(
                logits=dict(type='mmkd_logit.GFLBoxLogits'),
                loss=dict(
                    type='mmkd_logit.TopKDLoss', k=5, contrastive_weight=0.0,
                    loss_weight=0.5)))))
