"""Small real runs of both toolboxes, with a live and a cached teacher."""

import itertools
import os
import signal
from functools import lru_cache

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import Runner

from tests import toy_classifiers, toy_segmentors

_RUNS = itertools.count()
FLIP = dict(type='mmpretrain.RandomFlip', prob=0.5)
CROP = dict(type='mmseg.RandomCrop', crop_size=(16, 16))


@lru_cache(maxsize=None)
def register():
    """The data sets, once their toolboxes are there."""
    from mmengine.dataset import BaseDataset

    @DATASETS.register_module(force=True)
    class ToyPictures(BaseDataset):
        """Random images with a class, or with a map of classes."""

        METAINFO = dict(classes=('a', 'b', 'c', 'd'))

        def __init__(
            self,
            length=22,
            maps=False,
            shift=0,
            sides=(),
            killed_at=0,
            brighter=-1,
            **kwargs,
        ):
            self.sides = sides or (24 if maps else 16,)
            self.length, self.maps, self.shift = length, maps, shift
            self.readings, self.killed_at = 0, killed_at
            self.brighter = brighter
            super().__init__(**kwargs)

        def __getitem__(self, index):
            self.readings += 1
            if self.readings == self.killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            item = super().__getitem__(index)
            if index == self.brighter:
                item['inputs'] = item['inputs'] + 1
            return item

        def load_data_list(self):
            rng = np.random.default_rng(self.shift)
            infos = []
            for index in range(self.length):
                side = self.sides[index % len(self.sides)]
                image = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
                info = dict(
                    img=image, img_shape=(side, side), gt_label=index % 4
                )
                if self.maps:
                    labels = rng.integers(0, 4, (side, side)).astype(np.uint8)
                    info.update(
                        gt_seg_map=labels,
                        seg_fields=['gt_seg_map'],
                        ori_shape=(side, side),
                    )
                infos.append(info)
            return infos

    return ToyPictures


def save_teacher(model, path):
    torch.save(dict(state_dict=model.state_dict()), path)
    return str(path)


def config(
    folder,
    task='cls',
    cache=None,
    steps=None,
    workers=0,
    by_epoch=True,
    length=2,
    logits=None,
    student=None,
    dataset=None,
    hooks=(),
    loss=None,
    **model,
):
    """Config of a run; ``steps`` are those before the images are packed."""
    register()
    maps = task == 'seg'
    if maps:
        student = student or toy_segmentors.segmentor_cfg(channels=3)
        teacher = toy_segmentors.segmentor_cfg(channels=5)
        built = toy_segmentors.build(teacher, seed=4)
        scope, pack = 'mmseg', dict(type='mmseg.PackSegInputs')
        preprocessor = dict(
            type='mmseg.SegDataPreProcessor',
            mean=[127.0] * 3,
            std=[60.0] * 3,
            size=(16, 16),
            seg_pad_val=255,
        )
        steps = [CROP] if steps is None else steps
    else:
        student = student or toy_classifiers.classifier_cfg(channels=3)
        teacher = toy_classifiers.classifier_cfg(channels=6)
        built = toy_classifiers.build(teacher, seed=4)
        scope, pack = 'mmpretrain', dict(type='mmpretrain.PackInputs')
        preprocessor = dict(
            type='mmpretrain.ClsDataPreprocessor',
            mean=[127.0] * 3,
            std=[60.0] * 3,
            num_classes=4,
        )
        steps = [FLIP] if steps is None else steps
    student = dict(student, data_preprocessor=preprocessor)
    teacher = dict(teacher, data_preprocessor=preprocessor)
    path = folder / 'teacher.pth'
    if not path.exists():
        save_teacher(built, path)
    term = dict(loss=loss or dict(type='mmkd_logit.KDLoss', tau=2.0))
    if logits:
        term['logits'] = logits
    loop = dict(by_epoch=True, max_epochs=length)
    sampler = 'DefaultSampler'
    if not by_epoch:
        loop = dict(by_epoch=False, max_iters=length)
        sampler = 'InfiniteSampler'
    return Config(
        dict(
            default_scope=scope,
            model=dict(
                dict(
                    type='mmkd_logit.LogitDistiller',
                    student=student,
                    teacher=dict(model=teacher, default_scope=scope),
                    teacher_ckpt=str(path),
                    teacher_cache=cache and str(cache),
                    distill=dict(loss_kd=term),
                ),
                **model,
            ),
            work_dir=str(folder / f'run{next(_RUNS)}'),
            experiment_name=f'cache_{next(_RUNS)}',
            train_dataloader=dict(
                batch_size=4,
                num_workers=workers,
                persistent_workers=workers > 0,
                sampler=dict(type=sampler, shuffle=True),
                collate_fn=dict(type='pseudo_collate')
                if maps
                else dict(type='default_collate'),
                dataset=dict(
                    dict(
                        type='mmengine.ToyPictures',
                        maps=maps,
                        pipeline=[*steps, pack],
                    ),
                    **(dataset or {}),
                ),
            ),
            train_cfg=loop,
            optim_wrapper=dict(
                optimizer=dict(type='SGD', lr=0.1, momentum=0.9)
            ),
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=1),
                checkpoint=dict(type='CheckpointHook', interval=-1),
            ),
            custom_hooks=[
                dict(type='mmkd_logit.KDGuardHook', check_images=0),
                dict(type='mmkd_logit.TeacherCacheHook'),
                dict(type='mmkd_logit.SeedEachIterHook'),
                *hooks,
            ],
            randomness=dict(seed=3),
        )
    )


def train(cfg):
    """The runner after its training."""
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def same_weights(one, other):
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    return all(torch.equal(ours[key], theirs[key]) for key in theirs)
