# NKD as the SDD repository runs it for its table: tau 1, gamma 1.5, a mask
# that removes nothing, its trainer's clip at 40 and SyncBN, 512 images at lr
# 0.2.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    type='mmkd_logit.NKDLoss', tau=1.0, gamma=1.5,
                    nontarget_includes_target=True)))),
    optim_wrapper=dict(clip_grad=dict(max_norm=40, norm_type=2)),
    sync_bn='torch')
