# SD-DKD with beta 2, as DKD has it, and the scales 1 and 2, the paper's rule.
# The authors do not run these pairs.
_base_ = './sd_dkd_cifar_s12.py'
recipe = dict(model=dict(distill=dict(loss_kd=dict(loss=dict(beta=2.0)))))
