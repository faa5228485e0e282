# GDKD on standardized logits: the GDKD repository has it as an experiment
# (LS_GDKD, the whole row standardized), without published settings; tau 2 and
# weight 9 are LSKD's.
_base_ = './gdkd_cifar_w2-8.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(standardize=True, tau=2.0, loss_weight=9.0)))))
