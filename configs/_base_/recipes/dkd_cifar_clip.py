# DKD as dkd_cifar, the gradient's norm clipped at 40: the SDD repository's
# trainer, mdistiller/engine/trainer.py, for CIFAR-100 and CUB-200-2011.
_base_ = './dkd_cifar.py'
recipe = dict(
    optim_wrapper=dict(clip_grad=dict(max_norm=40, norm_type=2)))
