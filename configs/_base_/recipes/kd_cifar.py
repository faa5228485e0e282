# KD, 0.1 x CE + 0.9 x KD at tau 4: mdistiller configs/cifar100/kd.yaml; SDD
# repository for CUB-200-2011. No warm-up.
recipe = dict(
    model=dict(
        student=dict(head=dict(loss=dict(loss_weight=0.1))),
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.KDLoss', tau=4.0, loss_weight=0.9)))))
