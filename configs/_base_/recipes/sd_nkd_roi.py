# SD-NKD of RoIs and their quadrants, NKD as nkd_roi. No source has it for
# detection.
_base_ = './nkd_roi.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.RoILogits', scales=(1, 2))))))
