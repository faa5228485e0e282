# SD-DKD on windows of the class maps, this project's extension, and DKD of box
# distributions as dkd_gfl.
_base_ = './dkd_gfl.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.DenseClsLogits', windows=(1, 2))))))
