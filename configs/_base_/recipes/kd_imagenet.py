# KD, 0.5 x CE + 0.5 x KD at tau 1: mdistiller configs/imagenet/*/kd.yaml; GDKD
# repository configs/TL for Tiny-ImageNet, vit-gdkd for transformers.
recipe = dict(
    model=dict(
        student=dict(head=dict(loss=dict(loss_weight=0.5))),
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.KDLoss', tau=1.0, loss_weight=0.5)))))
