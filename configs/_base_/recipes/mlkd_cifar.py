# MLKD, MLKD repository engine/cfg.py: T 4, weight 0.9, 0.1 x CE of each view,
# 240 epochs at lr 0.025. As in their code: masks halve a sum, the strong view
# leaves two temperatures to the weak one, and the Gram parts are the weak's.
_base_ = './two_views_cifar.py'
taus, others = [4.0, 3.0, 5.0], [2.0, 6.0]
weak = dict(type='mmkd_logit.ClsLogits', batch_part=(0, 2))
strong = dict(type='mmkd_logit.ClsLogits', batch_part=(1, 2))
kd = 'mmkd_logit.KDLoss'
gram = dict(type='mmkd_logit.GramLoss', tau=taus + others, loss_weight=0.45)
recipe = dict(
    model=dict(
        student=dict(head=dict(loss=dict(loss_weight=0.2))),
        distill=dict(
            loss_kd=dict(
                logits=weak, loss=dict(type=kd, tau=taus, loss_weight=0.45)),
            loss_kd_others=dict(
                logits=weak, loss=dict(type=kd, tau=others, loss_weight=1.35)),
            loss_kd_strong=dict(
                logits=strong, loss=dict(type=kd, tau=taus, loss_weight=0.9)),
            loss_kd_classes=dict(logits=weak, loss=gram),
            loss_kd_rows=dict(logits=weak, loss=dict(gram, over='rows')))),
    optim_wrapper=dict(optimizer=dict(lr=0.025)))
del taus, others, weak, strong, kd, gram
