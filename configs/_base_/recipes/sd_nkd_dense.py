# SD-NKD on windows of the class maps, this project's extension; NKD as
# nkd_dense.
_base_ = './nkd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.DenseClsLogits', windows=(1, 2))))))
