# SD-DKD of RoIs and their quadrants with the tau, alpha and beta of the SDD
# repository's detection code; its interleaved cells are cells='polyphase'.
_base_ = './dkd_roi.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.RoILogits', scales=(1, 2)),
                loss=dict(tau=2.0)))))
