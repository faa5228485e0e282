"""Predictions of several runs on the same validation images."""

import base64
import io
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, init_default_scope
from mmengine.structures import InstanceData
from PIL import Image

from ..checkpoints.config_text import parse_config
from ..checkpoints.safe_load import load_checkpoint_safely
from ..checkpoints.state_dict import load_state_dict_strictly, plain_state_dict
from ..distillers.build import build_model
from ..messages import WrongValue
from ..registry import is_distiller
from .runs import Group, Run

_WIDTH = 420
_SCORE = 0.3


def draw_examples(
    groups: Sequence[Group],
    count: int,
    progress: Callable = lambda groups: groups,
) -> Dict[str, Any]:
    """Pictures for the page, drawn by the toolbox's own visualizer.

    Args:
        groups (list[Group]): The first run of each is shown. All must be of
            one toolbox.
        count (int): Validation images, spread over the set.
        progress (callable): Wraps the loop over groups.

    Returns:
        dict: ``images`` with their ``views``, ``legend`` and ``note``.

    Raises:
        ValueError: If the runs are of different toolboxes, or one has no
            checkpoint.
    """
    scopes = {run.scope for group in groups for run in group.runs}
    if len(scopes) != 1:
        raise WrongValue(
            '--examples: the runs are of different toolboxes, '
            f'{sorted(scopes)}; name runs of one'
        )
    (scope,) = scopes
    init_default_scope(scope)
    config = _config(groups[0].runs[0])
    dataset = DATASETS.build(config.val_dataloader.dataset)
    count = min(count, len(dataset))
    chosen = [len(dataset) * i // count for i in range(count)]
    drawer = dict(mmdet=_Detections, mmseg=_Segmentations).get(scope, _Classes)
    drawer = drawer(dict(dataset.metainfo))
    images = []
    for index in chosen:
        sample = dataset[index]
        path = sample['data_samples'].img_path
        image = np.asarray(Image.open(path).convert('RGB'))
        images.append(
            dict(
                name=Path(path).name,
                sample=sample,
                image=image,
                views=drawer.truth(
                    image, sample['data_samples'], dataset.get_data_info(index)
                ),
            )
        )
    for group in progress(groups):
        model = _model(group.runs[0])
        for one in images:
            with torch.no_grad():
                result = model.test_step(pseudo_collate([one['sample']]))[0]
            view = drawer.prediction(one['image'], result.cpu())
            one['views'].append(dict(view, name=group.name))
    return dict(
        images=[{k: one[k] for k in ('name', 'views')} for one in images],
        legend=drawer.legend(),
        note=f'{count} of {len(dataset)} validation images, spread over the '
        'set, with the newest checkpoint of the first seed of each run. '
        + drawer.note,
    )


def _config(run: Run) -> Config:
    """The dumped config; it is parsed, not run."""
    if run.config is None:
        raise WrongValue(f'{run.folder}: the run dumped no config')
    return Config(ConfigDict(parse_config(run.config.read_text())))


def _model(run: Run) -> torch.nn.Module:
    """The student of a run, with its newest weights."""
    if run.checkpoint is None:
        raise WrongValue(
            f'{str(run.folder)!r} has no checkpoint to draw examples with'
        )
    config = _config(run)
    model = (
        config.model.student if is_distiller(config.model) else (config.model)
    )
    if config.get('data_preprocessor'):
        model.setdefault('data_preprocessor', config.data_preprocessor)
    built = build_model(model, 'student')
    state = plain_state_dict(load_checkpoint_safely(str(run.checkpoint)))
    load_state_dict_strictly(built, state, str(run.checkpoint), 'student ')
    return built.eval()


def _picture(image: np.ndarray) -> str:
    """An image as the data URL of a PNG."""
    picture = Image.fromarray(image.astype(np.uint8))
    if picture.width > _WIDTH:
        height = round(picture.height * _WIDTH / picture.width)
        picture = picture.resize((_WIDTH, height))
    buffer = io.BytesIO()
    picture.save(buffer, format='PNG', optimize=True)
    return (
        'data:image/png;base64,' + base64.b64encode(buffer.getvalue()).decode()
    )


class _Detections:
    """Boxes, and masks where the model has them."""

    note = f'Predictions with a score of {_SCORE} or more.'

    def __init__(self, meta: dict) -> None:
        from mmdet.visualization import DetLocalVisualizer

        self.visualizer = DetLocalVisualizer()
        self.visualizer.dataset_meta = meta

    def _draw(self, image: np.ndarray, sample: Any, **kwargs: Any) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            self.visualizer.add_datasample('', image, sample, **kwargs)
        return _picture(self.visualizer.get_image())

    def truth(self, image: np.ndarray, sample: Any, info: dict) -> List[dict]:
        # Boxes of the sample are those of the resized image, or, where a
        # pipeline loads them after its Resize, of the original one.
        objects = [
            one
            for one in info.get('instances', [])
            if not one.get('ignore_flag')
        ]
        sample = sample.clone()
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([one['bbox'] for one in objects]).view(-1, 4),
            labels=torch.tensor([one['bbox_label'] for one in objects]).long(),
        )
        data = self._draw(image, sample, draw_pred=False)
        text = f'{len(objects)} objects'
        return [dict(name='ground truth', data=data, text=text)]

    def prediction(self, image: np.ndarray, result: Any) -> dict:
        kept = (result.pred_instances.scores >= _SCORE).sum()
        data = self._draw(image, result, draw_gt=False, pred_score_thr=_SCORE)
        return dict(data=data, text=f'{int(kept)} predictions')

    def legend(self) -> List[Tuple[str, str]]:
        return []  # boxes carry their class


class _Segmentations:
    """Label maps in the colours of the data set."""

    note = 'Shares of right pixels are of those with a label.'

    def __init__(self, meta: dict) -> None:
        self.classes = list(meta.get('classes') or [])
        palette = list(meta.get('palette') or [])
        self.colours = np.full((256, 3), 255, np.uint8)
        for index in range(len(self.classes)):
            self.colours[index] = (
                palette[index]
                if index < len(palette)
                else (
                    (index * 67) % 256,
                    (index * 131) % 256,
                    index * 29 % 256,
                )
            )

    def _coloured(self, labels: torch.Tensor) -> np.ndarray:
        return self.colours[labels.squeeze().clamp(0, 255).byte().numpy()]

    def truth(self, image: np.ndarray, sample: Any, info: dict) -> List[dict]:
        views = [dict(name='image', data=_picture(image), text='')]
        if 'gt_sem_seg' in sample:
            labels = _picture(self._coloured(sample.gt_sem_seg.data))
            views.append(dict(name='labels', data=labels, text=''))
        return views

    def prediction(self, image: np.ndarray, result: Any) -> dict:
        labels = result.pred_sem_seg.data
        text = ''
        if 'gt_sem_seg' in result:
            truth = result.gt_sem_seg.data
            if truth.shape == labels.shape:
                kept = truth < len(self.classes)
                right = (labels == truth)[kept].float().mean()
                text = f'{float(right):.1%} of the pixels right'
        return dict(data=_picture(self._coloured(labels)), text=text)

    def legend(self) -> List[Tuple[str, str]]:
        named = [
            (name, f'rgb{tuple(int(c) for c in self.colours[index])}')
            for index, name in enumerate(self.classes)
        ]
        return [*named, ('no label', 'rgb(255, 255, 255)')]


class _Classes:
    """The five classes with the largest score."""

    note = 'The five classes with the largest score; the right one is marked.'

    def __init__(self, meta: dict) -> None:
        self.classes = list(meta.get('classes') or [])

    def _name(self, index: int) -> str:
        return self.classes[index] if index < len(self.classes) else str(index)

    def truth(self, image: np.ndarray, sample: Any, info: dict) -> List[dict]:
        names = ', '.join(self._name(int(i)) for i in sample.gt_label)
        return [dict(name='label', data=_picture(image), text=names)]

    def prediction(self, image: np.ndarray, result: Any) -> dict:
        scores = result.pred_score
        best = scores.topk(min(5, len(scores)))
        right = (
            {int(i) for i in result.gt_label} if 'gt_label' in result else ()
        )
        text = '\n'.join(
            f'{"✓" if int(i) in right else "·"} {self._name(int(i))} '
            f'{float(value):.2f}'
            for value, i in zip(*best)
        )
        return dict(data='', text='\n' + text)  # the image is shown once

    def legend(self) -> List[Tuple[str, str]]:
        return []
