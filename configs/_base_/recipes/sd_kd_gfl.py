# SD-KD on windows of the class maps, this project's extension, and KD of box
# distributions as kd_gfl.
_base_ = './kd_gfl.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.DenseClsLogits', windows=(1, 2))))))
