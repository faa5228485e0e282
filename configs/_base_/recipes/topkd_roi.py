# TopKD of every sampled RoI, without its contrast: RoIs of one object are no
# different images. No source has it for detection.
_base_ = './topkd.py'
recipe = dict(
    model=dict(
        distill=dict(loss_kd=dict(loss=dict(contrastive_weight=0.0)))))
