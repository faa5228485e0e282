# SD-KD with three scales: SDD repository configs/cifar100/sdd_kd and its
# scripts. KD and clip as kd_cifar_clip, no warm-up.
_base_ = './kd_cifar_clip.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.ClsLogits', scales=(1, 2, 4),
                    complementary_weight=2.0)))))
