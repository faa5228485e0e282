# CrossKD's classes for ATSS: crossed heads and its class term, divided as its
# authors do. Its terms of decoded boxes and of centerness are not here.
_base_ = './kd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(
                    type='mmkd_logit.CrossedClsLogits',
                    divisor='student')))))
