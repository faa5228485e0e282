# MLKD, MLKD repository engine/cfg.py: T 4, weight 0.9, 0.1 x CE of each of two
# views; 240 epochs at lr 0.025 for pairs of one family. Of the strong view two
# temperatures take the weak one's logits and the Gram parts are left out, as
# in their code, whose masks halve a sum (the factors 0.5). Their strong
# augmentation is not in this project's sources; RandAugment takes its place.
taus, others = [4.0, 3.0, 5.0], [2.0, 6.0]
weak = dict(type='mmkd_logit.ClsLogits', batch_part=(0, 2))
strong = dict(type='mmkd_logit.ClsLogits', batch_part=(1, 2))
kd, gram = 'mmkd_logit.KDLoss', 'mmkd_logit.GramLoss'
crop = [
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal')]
augment = dict(
    type='RandAugment', policies='timm_increasing', num_policies=2,
    total_level=10, magnitude_level=9, magnitude_std=0.5)
recipe = dict(
    model=dict(
        student=dict(head=dict(loss=dict(loss_weight=0.2))),
        distill=dict(
            loss_kd_weak=dict(
                logits=weak, loss=dict(type=kd, tau=taus, loss_weight=0.45)),
            loss_kd_weak_others=dict(
                logits=weak, loss=dict(type=kd, tau=others, loss_weight=1.35)),
            loss_kd_strong=dict(
                logits=strong, loss=dict(type=kd, tau=taus, loss_weight=0.9)),
            loss_kd_classes=dict(
                logits=weak,
                loss=dict(type=gram, tau=taus + others, loss_weight=0.45)),
            loss_kd_rows=dict(
                logits=weak,
                loss=dict(
                    type=gram, tau=taus + others, over='rows',
                    loss_weight=0.45)))),
    train_dataloader=dict(
        collate_fn=dict(type='mmkd_logit.collate_views'),
        dataset=dict(
            pipeline=[
                dict(
                    type='MultiView', num_views=[1, 1],
                    transforms=[crop, [*crop, augment]]),
                dict(type='PackInputs')])),
    optim_wrapper=dict(optimizer=dict(lr=0.025)))
