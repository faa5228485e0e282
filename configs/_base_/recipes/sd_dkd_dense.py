# SD-DKD on windows of the class maps, this project's extension: no setting is
# published, these are the ones of dkd_dense.
_base_ = './dkd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.DenseClsLogits', windows=(1, 2))))))
