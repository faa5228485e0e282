# KD whose teacher passes TopKD's scaling module first: the paper offers it to
# other losses. k as in topkd; KD as kd_cifar.
_base_ = './kd_cifar.py'
recipe = dict(
    model=dict(
        distill=dict(loss_kd=dict(loss=dict(topk_scale=dict(k=5))))))
