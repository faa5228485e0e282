# KD of NKD's authors on CIFAR-100: tau 3, half of KD beside half of CE (cls_KD
# configs/distillers/cifar100; its KD keeps the teacher's entropy out).
recipe = dict(
    model=dict(
        student=dict(head=dict(loss=dict(loss_weight=0.5))),
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.KDLoss', tau=3.0, loss_weight=0.5)))))
