# KD at two scales, from windows over a head's maps, where classes and
# background are one softmax. No setting is published.
_base_ = './kd_dense_softmax.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.DenseClsLogits', windows=(1, 2))))))
