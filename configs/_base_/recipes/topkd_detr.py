# TopKD of the classes and the background as one softmax (the categorical view)
# of queries of one object; of encoder tokens nearly all are background. No
# source has it; numbers of topkd_dense.
_base_ = './topkd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.DETRLogits', rows='queries')))))
