# SD-NKD as the SDD repository runs it: gamma 0.5 (the beta of SD-DKD,
# configs/imagenet/r34_r18/sdd_nkd.yaml), a mask that removes nothing.
_base_ = './sd_nkd_imagenet.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(gamma=0.5, nontarget_includes_target=True)))))
