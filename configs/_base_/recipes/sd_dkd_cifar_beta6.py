# SD-DKD with beta 6: SDD repository sdd_dkd for VGG13 and WRN teachers.
_base_ = './sd_dkd_cifar.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(beta=6.0)))))
