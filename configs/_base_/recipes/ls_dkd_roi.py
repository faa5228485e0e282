# DKD of every sampled RoI on standardized logits. No source has it for
# detection; tau 2 is LSKD's, the weights are those of dkd_roi.
_base_ = './dkd_roi.py'
recipe = dict(
    model=dict(
        distill=dict(loss_kd=dict(loss=dict(standardize=True, tau=2.0)))))
