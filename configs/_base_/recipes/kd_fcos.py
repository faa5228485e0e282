# CrossKD's class term with its weight for FCOS, without crossed heads.
_base_ = './kd_dense.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(loss_weight=0.4)))))
