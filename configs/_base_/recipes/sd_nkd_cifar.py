# SD-NKD with three scales and NKD's own settings, warm-up and clip as
# nkd_cifar_clip. Scales: SDD repository.
_base_ = './nkd_cifar_clip.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.ClsLogits', scales=(1, 2, 4),
                    complementary_weight=2.0)))))
