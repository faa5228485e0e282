# CIFAR-100 with AutoAugment and a Cutout of 16 pixels: the teachers of the
# GDKD repository (AUG_TEACHER). For baselines; no method.
_base_ = '../autoaugment_cifar10.py'
steps = []
for word in _base_.pop('policy'):
    step = dict(_base_.operations[word[:2]], prob=int(word[2]) / 10)
    level = int(word[3]) / 9
    for key in ('magnitude', 'angle'):
        if key in step:
            step[key] *= level
    if 'thr' in step:
        step['thr'] = 255 * (1 - level)
    steps.append(step)
pairs = list(zip(steps[::2], steps[1::2]))
pipeline = [
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='AutoAugment', policies=pairs, hparams=dict(pad_val=0)),
    dict(type='Cutout', shape=16, prob=1.0, pad_val=(129, 124, 112)),
    dict(type='PackInputs')
]
recipe = dict(train_dataloader=dict(dataset=dict(pipeline=pipeline)))
_base_.pop('operations')
del steps, word, step, level, key, pairs, pipeline
