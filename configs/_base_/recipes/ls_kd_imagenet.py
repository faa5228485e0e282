# KD on standardized logits, LSKD repository configs/imagenet/r34_r18/kd.yaml;
# GDKD repository lskd.yaml for Tiny-ImageNet.
recipe = dict(
    model=dict(
        student=dict(head=dict(loss=dict(loss_weight=1.0))),
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.KDLoss', standardize=True, tau=2.0,
                    loss_weight=9.0)))))
