# SD-NKD with NKD's own tau and gamma and the scales 1 and 2, no warm-up; clip
# and SyncBN of the SDD repository's trainer.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.ClsLogits', scales=(1, 2),
                    complementary_weight=2.0),
                loss=dict(type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5)))),
    optim_wrapper=dict(clip_grad=dict(max_norm=40, norm_type=2)),
    sync_bn='torch')
