# CWD, irfanICMLL/TorchDistiller SemSeg-distill: tau 4, weight 3, over the
# pixels of each image and class, ignored ones too.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.SegLogits', rows='channel',
                    ignored='teacher'),
                loss=dict(
                    type='mmkd_logit.KDLoss', tau=4.0, loss_weight=3.0)))))
