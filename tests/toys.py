"""A student, a teacher and data small enough to check by hand.

One 1x1 convolution on (B, 3, 2, 2) images; the logits of an image are the
mean over its positions. No toolbox is needed.
"""

import itertools
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.registry import DATASETS
from torch import nn

from mmkd_logit.heads.base import LogitReader
from mmkd_logit.heads.upstream.observe import observe
from mmkd_logit.registry import MODELS
from mmkd_logit.structures.head_facts import HeadFacts
from mmkd_logit.structures.logit_pair import LogitPair

_RUNS = itertools.count()
CLASSES = ('cat', 'dog', 'horse', 'sheep')


def seeded(seed: int) -> torch.Generator:
    """A generator of its own for every random tensor of a test."""
    return torch.Generator().manual_seed(seed)


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    """One convolution; ``loss`` is the cross entropy of the image's mean."""

    def __init__(
        self,
        num_classes: int = 4,
        dropout: float = 0.0,
        norm_eval: bool = False,
        data_preprocessor: Any = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.norm_eval = norm_eval
        self.num_classes = num_classes
        self.conv = nn.Conv2d(3, num_classes, 1)
        self.norm = nn.BatchNorm2d(num_classes)
        self.dropout = nn.Dropout(dropout)

    def init_weights(self) -> None:
        nn.init.normal_(self.conv.weight, std=0.5)

    def train(self, mode: bool = True):
        super().train(mode)
        if self.norm_eval:
            self.norm.eval()
        return self

    def extract_feat(self, inputs):
        return self.norm(self.conv(inputs))

    def logits(self, feats):
        return self.dropout(feats).mean(dim=(2, 3))

    def cross_entropy(self, logits, labels):
        return F.cross_entropy(logits, labels)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        logits = self.logits(self.extract_feat(inputs))
        if mode == 'loss':
            labels = torch.stack(list(data_samples)).to(logits.device)
            return dict(loss_cls=self.cross_entropy(logits, labels))
        if mode == 'predict':
            return logits.argmax(1)
        return logits


@MODELS.register_module(force=True)
class ToyLogits(LogitReader):
    """Reads :class:`ToyModel`."""

    family = 'toys'

    @classmethod
    def fits(cls, model: nn.Module) -> bool:
        return isinstance(model, ToyModel)

    def facts(self, model: nn.Module) -> HeadFacts:
        return HeadFacts(model.num_classes, model.num_classes)

    def watch(
        self, student: nn.Module, notes: Dict[str, Any], stack: ExitStack
    ) -> None:
        stack.enter_context(
            observe(
                student,
                'cross_entropy',
                lambda args, _: notes.update(
                    logits=args['logits'], labels=args['labels']
                ),
            )
        )

    def pairs(self, notes, teacher):
        return {
            '': LogitPair(
                self.noted(notes, 'logits', 'cross_entropy'),
                teacher.once(
                    'logits',
                    lambda: teacher.classes(
                        teacher.model.logits(teacher.feats)
                    ),
                ),
                notes['labels'],
            )
        }


@DATASETS.register_module(force=True)
class ToyDataset(torch.utils.data.Dataset):
    """Random images whose class is written into their mean colour.

    Args:
        length (int): Number of images. Defaults to 24.
        killed_at (int): At this reading of an image, counted from 1, the
            process is killed as from outside; 0 never. Defaults to 0.
    """

    metainfo = dict(classes=CLASSES)

    def __init__(self, length: int = 24, killed_at: int = 0) -> None:
        self.killed_at = killed_at
        self.readings = 0
        self.labels = torch.arange(length) % len(CLASSES)
        noise = torch.randn(length, 3, 2, 2, generator=seeded(0))
        colours = torch.randn(len(CLASSES), 3, 1, 1, generator=seeded(1))
        self.images = noise + 2 * colours[self.labels]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict:
        self.readings += 1
        if self.readings == self.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return dict(inputs=self.images[index], data_samples=self.labels[index])


def teacher_file(
    folder: Path, num_classes: int = 4, seed: int = 7, **meta: Any
) -> str:
    """Write a checkpoint of a :class:`ToyModel` as MMEngine would."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ToyModel(num_classes)
        model.init_weights()
    path = folder / ('teacher.pth' if seed == 7 else f'teacher{seed}.pth')
    torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
    return str(path)


def distiller_config(
    ckpt: str, loss_weight: float = 1.0, **student: Any
) -> dict:
    """Config of a distiller of toys with plain KD."""
    return dict(
        type='mmkd_logit.LogitDistiller',
        student=dict(type='mmkd_logit.ToyModel', **student),
        teacher=dict(type='mmkd_logit.ToyModel'),
        teacher_ckpt=ckpt,
        distill=dict(
            loss_kd=dict(
                logits=dict(type='mmkd_logit.ToyLogits'),
                loss=dict(
                    type='mmkd_logit.KDLoss', tau=2.0, loss_weight=loss_weight
                ),
            )
        ),
    )


def runner_config(model: dict, work_dir: Path, **kwargs: Any) -> dict:
    """A short run on :class:`ToyDataset`, for ``Runner.from_cfg``."""
    config = dict(
        model=model,
        work_dir=str(work_dir),
        experiment_name=f'toy_{next(_RUNS)}',
        train_dataloader=dict(
            dataset=dict(type='ToyDataset'),
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='default_collate'),
            batch_size=4,
            num_workers=0,
        ),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', interval=1),
        ),
        custom_hooks=[dict(type='mmkd_logit.KDGuardHook')],
        randomness=dict(seed=3),
        default_scope='mmengine',
    )
    config.update(kwargs)
    return config
