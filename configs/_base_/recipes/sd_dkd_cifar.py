# SD-DKD with three scales and beta 8: SDD repository configs/cifar100/sdd_dkd
# and its scripts. DKD, warm-up and clip as dkd_cifar_clip.
_base_ = './dkd_cifar_clip.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.ClsLogits', scales=(1, 2, 4),
                    complementary_weight=2.0)))))
