# A weak and a strong view of each CIFAR image; the weak ones of a batch come
# first. Which strong augmentation MLKD takes is not in this project's sources;
# MMPretrain's RandAugment is this project's choice.
crop = [
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal')]
augment = dict(
    type='RandAugment', policies='timm_increasing', num_policies=2,
    total_level=10, magnitude_level=9, magnitude_std=0.5)
recipe = dict(
    train_dataloader=dict(
        collate_fn=dict(type='mmkd_logit.collate_views'),
        dataset=dict(
            pipeline=[
                dict(
                    type='MultiView', num_views=[1, 1],
                    transforms=[crop, [*crop, augment]]),
                dict(type='PackInputs')])))
del crop, augment
