# CrossKD's classes for FCOS, weight 0.4, else as kd_atss_crosskd.
_base_ = './kd_atss_crosskd.py'
recipe = dict(
    model=dict(distill=dict(loss_kd=dict(loss=dict(loss_weight=0.4)))))
