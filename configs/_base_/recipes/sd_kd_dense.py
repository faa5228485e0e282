# SD-KD on windows of the class maps, this project's extension; KD as kd_dense.
_base_ = './kd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.DenseClsLogits', windows=(1, 2))))))
