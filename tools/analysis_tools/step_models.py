"""The models, the batch and the four kinds of steps of ``benchmark_step.py``.

Of one config there is one student and one optimizer, and every kind of step
is a whole training step of that student:

- ``plain``: the student alone;
- ``limit``: the student, and those layers of the teacher whose results the
  readers read, without any loss: no distillation of logits costs less;
- ``ours``: the step of the distiller;
- ``recorders``: the student after the teacher's whole loss, which is how a
  recorder gets hold of the teacher's logits. The term itself is left out.
"""

import copy
from argparse import Namespace
from typing import Any, Callable, List, NamedTuple, Optional

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmkd_logit.distillers import LogitDistiller
from mmkd_logit.launch import load_config, move_data_root
from mmkd_logit.launch.start import distill
from mmkd_logit.plan.batches import give_random_weights, training_batch
from mmkd_logit.plan.steps import TeacherCalls
from mmkd_logit.registry import MODELS

KINDS = ('plain', 'limit', 'ours', 'recorders')


class Case(NamedTuple):
    """One line of the table.

    Attributes:
        name (str): What the table calls it.
        config (str): A distillation, or a student if there is a teacher.
        teacher (str): Config of the teacher of a student.
        size (int, optional): Side of random images; None takes the data of
            the config.
        batch (int, optional): Images; None is the config's own number.
    """

    name: str
    config: str
    teacher: str = ''
    size: Optional[int] = None
    batch: Optional[int] = None


_SEGFORMER = 'segformer_mit-b2_8xb1-160k_cityscapes-1024x1024.py'
_MASK2FORMER = 'mask2former_r50_8xb2-90k_cityscapes-512x1024.py'
#: One per task and family of heads.
CASES = (
    Case('classifier', 'kd/cifar_resnet56_resnet20_cifar100', '', 32, 64),
    Case('classifier SD', 'sd_dkd/cifar_resnet56_resnet20_cifar100', '', 32),
    Case('Faster R-CNN', 'dkd/faster_rcnn_r101_r18_coco', '', 128, 2),
    Case('RetinaNet', 'kd/retinanet_r101_r50_coco', '', 128, 2),
    Case('GFL', 'dkd/gfl_r101_r18_coco', '', 128, 2),
    Case('YOLOX', 'kd/yolox_l_tiny_coco', '', 128, 2),
    # 900 of its tokens become queries; 128 pixels give 340
    Case('DINO', 'kd/dino_r50_r18_coco', '', 256, 2),
    Case('DeepLabV3', 'dkd/deeplabv3_r101_r18_cityscapes', '', 128, 2),
    Case('SegFormer', 'dkd/segformer_b2_b0_cityscapes', '', 128, 2),
    Case(
        'SegFormer of Mask2Former',
        'dkd/segformer_mask2former-r101_b0_cityscapes',
        '',
        128,
        2,
    ),
    Case(
        'Mask2Former of SegFormer',
        f'mmseg::mask2former/{_MASK2FORMER}',
        f'mmseg::segformer/{_SEGFORMER}',
        128,
        2,
    ),
)


def read_case(case: Case, size: Optional[int], args: Namespace) -> Config:
    """The distillation of a case, with the options of the command line."""
    config = load_config(case.config, args.cfg_options)
    if case.teacher:
        config = distill(config, case.teacher)
    if args.data_root:
        move_data_root(config, args.data_root)
    count = args.batch_size or case.batch
    if count:
        config.train_dataloader.batch_size = count
    preprocessor = config.model.student.get('data_preprocessor') or {}
    if size and preprocessor.get('size'):  # images are padded to it
        preprocessor['size'] = (size, size)
    # The student stays where it is, however many rounds there are.
    config.optim_wrapper.optimizer.lr = 1e-9
    return config


def write_teacher(model: dict, folder: str) -> Any:
    """Random weights for the teachers of a distiller: their paths."""
    give_random_weights(model, folder)
    return model['teacher_ckpt']


class Steps:
    """The kinds of steps of one config, on one batch.

    Args:
        config (Config): With the weights of a teacher.
        size (int, optional): Side of random images.
        device (str): Where to.
        teacher (str): ``'whole'`` as ``recorders`` need it; ``'read'``,
            the parts that the readers run, as in a training run; ``''``, none.
            Defaults to 'whole'.
    """

    def __init__(
        self,
        config: Config,
        size: Optional[int],
        device: str,
        teacher: str = 'whole',
    ) -> None:
        init_default_scope(config.get('default_scope', 'mmengine'))
        self.distiller: LogitDistiller = MODELS.build(config.model)
        self.distiller.keep_whole_teacher = teacher == 'whole'
        self.distiller.to(device)
        if teacher:
            self.distiller.prepare()
        self.student: nn.Module = self.distiller.student
        self.optimizer = build_optim_wrapper(
            self.distiller.train(), copy.deepcopy(config.optim_wrapper)
        )
        self.batch, self.data = training_batch(config, self.student, size)
        self.calls: List[tuple] = []
        self.teacher_calls: Optional[TeacherCalls] = None
        self._wrap_student()

    def _wrap_student(self) -> None:
        """Let the teacher run before or after the student's loss."""
        forward = self.student.forward
        self.before: Optional[Callable] = None
        self.after: Optional[Callable] = None

        def run(
            inputs: Any, data_samples: Any = None, mode: str = 'tensor'
        ) -> Any:
            if mode == 'loss' and self.before:
                self.before(inputs, data_samples)
            result = forward(inputs, data_samples, mode=mode)
            if mode == 'loss' and self.after:
                self.after()
            return result

        self.student.forward = run

    def end_close_watch(self) -> None:
        """Pass over the first steps of a run; terms are watched more there."""
        for watch in self.distiller.watches.values():
            watch.steps = max(watch.steps, watch.every + 1)

    def prepare(self, kind: str) -> Callable[[], None]:
        """Make everything ready for a step, which the result takes."""
        self._set_teacher(training=kind == 'recorders')
        self.before = self._whole_loss if kind == 'recorders' else None
        self.after = self._needed_layers if kind == 'limit' else None
        model = self.distiller if kind == 'ours' else self.student
        batch = copy.deepcopy(self.batch)
        self.teacher_calls.take()
        return lambda: model.train_step(batch, self.optimizer)

    def _set_teacher(self, training: bool) -> None:
        """Heads ask for the mode to compute losses; statistics stay."""
        for teacher in self.distiller.teachers:
            if teacher.model is not None:
                for module in teacher.model.train(training).modules():
                    if isinstance(module, _BatchNorm):
                        module.eval()

    def finish(self, kind: str) -> None:
        """Keep what the distiller asked its teacher for."""
        if kind == 'ours':
            self.calls = self.teacher_calls.take()

    def step(self, kind: str) -> None:
        self.prepare(kind)()
        self.finish(kind)

    @torch.no_grad()
    def _whole_loss(self, inputs: torch.Tensor, samples: list) -> None:
        for teacher in self.distiller.teachers:
            images = teacher.input_map(self.student)(inputs, samples)
            teacher.model(images, samples, mode='loss')

    def _needed_layers(self) -> None:
        self.teacher_calls.repeat(self.calls)
