# SD-KD of RoIs and their quadrants. tau 2 is that of the SDD repository's
# detection code for DKD; no source has SD-KD for detection.
_base_ = './kd_roi.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.RoILogits', scales=(1, 2)),
                loss=dict(tau=2.0)))))
