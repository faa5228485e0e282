# SD-NKD as the SDD repository runs it: tau 4 and gamma 8 (the beta of SD-DKD,
# configs/cifar100/sdd_nkd), a mask that removes nothing. Three scales.
_base_ = './sd_nkd_cifar.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(
                    tau=4.0, gamma=8.0, nontarget_includes_target=True)))))
