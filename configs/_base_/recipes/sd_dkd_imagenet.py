# SD-DKD with beta 0.5 and the scales 1 and 2, no warm-up: SDD repository
# configs/imagenet/r34_r18/sdd_dkd.yaml and run.sh; clip at 40 and SyncBN of
# its trainer.
_base_ = './dkd_imagenet.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.ClsLogits', scales=(1, 2),
                    complementary_weight=2.0)))),
    optim_wrapper=dict(clip_grad=dict(max_norm=40, norm_type=2)),
    sync_bn='torch')
