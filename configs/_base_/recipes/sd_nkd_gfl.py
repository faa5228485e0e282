# SD-NKD on windows of the class maps, this project's extension, and NKD of box
# distributions as nkd_gfl.
_base_ = './nkd_gfl.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.DenseClsLogits', windows=(1, 2))))))
