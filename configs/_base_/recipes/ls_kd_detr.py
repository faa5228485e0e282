# LS-KD of the classes and the background as one softmax (the categorical view)
# of queries of one object; of encoder tokens nearly all are background. No
# source has it; numbers of ls_kd_dense.
_base_ = './ls_kd_dense.py'
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.DETRLogits', rows='queries')))))
