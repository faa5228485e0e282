# NKD as its authors run it on CIFAR-100, ResNet34 to ResNet18: tau 3, gamma
# 3.5, no warm-up (cls_KD res34_distill_res18_cifar.py).
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(type='mmkd_logit.NKDLoss', tau=3.0, gamma=3.5)))))
