# NKD as the SDD repository runs it for its tables: tau 1 and gamma 1.5 fixed
# in mdistiller/distillers/nkd.py, whose mask removes nothing.
_base_ = './nkd_cifar_clip.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(loss=dict(nontarget_includes_target=True)))))
