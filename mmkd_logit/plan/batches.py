"""One training batch: from the config's own data, or random."""

import os
from typing import Any, List, Optional, Tuple

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from ..launch.data import check_data
from ..messages import UserMistake


def training_batch(
    config: Config, student: nn.Module, image_size: Optional[int] = None
) -> Tuple[dict, str]:
    """A batch as the data loader gives it, and where it comes from.

    Args:
        config (Config): A config with ``train_dataloader``.
        student (nn.Module): The student, for the number of its classes.
        image_size (int, optional): Side of random images; None takes the
            config's own data if they are there.
    """
    count = config.train_dataloader.get('batch_size') or 2
    if image_size is None:
        try:
            check_data(config, ('train_dataloader',))
            loader = Runner.build_dataloader(_in_this_process(config))
            return next(iter(loader)), f'{count} images of the training set'
        except (UserMistake, OSError) as error:
            why = str(error).split(';')[0].split('. ')[0]
        height, width = size_of_pipeline(config) or (512, 512)
    else:
        why, height, width = 'as asked', image_size, image_size
    batch = random_batch(
        config.get('default_scope'), student, count, height, width
    )
    return batch, f'{count} random images of {height} x {width} ({why})'


def random_batch(
    scope: Optional[str],
    student: nn.Module,
    count: int,
    height: int,
    width: int,
) -> dict:
    """Random images with annotations, as a data loader gives them.

    Args:
        scope (str, optional): Toolbox, such as ``'mmdet'``.
        student (nn.Module): The student, for the number of its classes.
        count (int): Number of images.
        height (int): Height of each image.
        width (int): Width of each image.
    """
    makers = dict(mmdet=_detection, mmseg=_segmentation)
    return makers.get(scope, _classification)(student, count, height, width)


def _in_this_process(config: Config) -> Config:
    loader = config.train_dataloader.copy()
    loader.update(num_workers=0, persistent_workers=False)
    return loader


def size_of_pipeline(config: Config) -> Optional[Tuple[int, int]]:
    """(h, w) of a config's training images, by its transforms; or None."""
    dataset = config.train_dataloader.dataset
    while 'pipeline' not in dataset and 'dataset' in dataset:
        dataset = dataset.dataset
    found = None
    for step in dataset.get('pipeline', []):
        kind = str(step.get('type'))
        size = step.get('crop_size') or step.get('scale')
        if isinstance(size, list):
            size = size[-1]
        if isinstance(size, int):
            size = (size, size)
        if size is None:
            continue
        # Crops are given as (h, w), scales as (w, h).
        size = tuple(size) if 'Crop' in kind else tuple(size)[::-1]
        found = (int(size[0]), int(size[1]))
    return found


def _images(count: int, height: int, width: int) -> List[torch.Tensor]:
    return list(torch.randint(256, (count, 3, height, width)).byte())


def _detection(
    student: nn.Module, count: int, height: int, width: int
) -> dict:
    from mmdet.testing import demo_mm_inputs

    return demo_mm_inputs(
        count,
        [[3, height, width]] * count,
        num_classes=_classes(student),
        with_mask=True,
        with_semantic=True,
    )


def _segmentation(
    student: nn.Module, count: int, height: int, width: int
) -> dict:
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    samples = []
    for _ in range(count):
        labels = torch.randint(_classes(student), (1, height, width))
        sample = SegDataSample(
            metainfo=dict(img_shape=(height, width), ori_shape=(height, width))
        )
        sample.gt_sem_seg = PixelData(data=labels)
        samples.append(sample)
    return dict(inputs=_images(count, height, width), data_samples=samples)


def _classification(
    student: nn.Module, count: int, height: int, width: int
) -> dict:
    from mmpretrain.structures import DataSample

    classes = _classes(student)
    samples = [
        DataSample().set_gt_label(index % classes) for index in range(count)
    ]
    return dict(inputs=_images(count, height, width), data_samples=samples)


def _classes(student: nn.Module) -> int:
    """Classes of the student's head, as its reader says."""
    from ..heads.find import find_reader

    return find_reader(student).facts(student).num_classes


def random_weights(model_config: Any, scope: Optional[str], path: str) -> str:
    """A checkpoint that fits a model, without a download.

    Args:
        model_config (dict): Config of the model.
        scope (str, optional): Toolbox that it is built in.
        path (str): File to write.
    """
    from mmengine.registry import DefaultScope

    from ..distillers.build import build_model

    with DefaultScope.overwrite_default_scope(scope):
        model = build_model(model_config, 'teacher')
    torch.save(model.state_dict(), path)
    return os.fspath(path)


def give_random_weights(model: dict, folder: str) -> None:
    """Give each teacher of a distiller's config random weights.

    Args:
        model (dict): Config of the distiller, whose ``teacher_ckpt`` is set.
        folder (str): Folder that the files are written to.
    """
    from ..distillers.self_teacher import is_self_teacher
    from ..distillers.teacher_config import read_model_config

    several = isinstance(model['teacher'], (list, tuple))
    paths = []
    for number, one in enumerate(
        model['teacher'] if several else [model['teacher']]
    ):
        if is_self_teacher(one):
            paths.append(None)
            continue
        config = read_model_config(one)
        path = os.path.join(folder, f'teacher{number}.pth')
        paths.append(random_weights(config.model, config.scope, path))
    model['teacher_ckpt'] = paths if several else paths[0]
