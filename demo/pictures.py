"""Pictures of the demo: models side by side on the first images."""

import json
from pathlib import Path
from typing import Dict, List, Sequence, Tuple, Union

import numpy as np
from PIL import Image

from .digits import BACKGROUND, CLASSES, IGNORED

#: One colour per digit, dark grey for background.
PALETTE = (
    (230, 25, 75),
    (60, 180, 75),
    (255, 225, 25),
    (0, 130, 200),
    (245, 130, 48),
    (145, 30, 180),
    (70, 240, 240),
    (240, 50, 230),
    (210, 245, 60),
    (250, 190, 212),
    (60, 60, 60),
)
_ZOOM = 2
Models = Dict[str, Tuple[Union[str, Path], Union[str, Path]]]


def draw_detections(
    models: Models,
    data_root: Union[str, Path],
    path: Union[str, Path],
    count: int = 5,
    score_thr: float = 0.3,
) -> None:
    """Ground truth and detections of each model, one row per image.

    The models are built and run by stock ``mmdet.apis``, the distilled
    student from the plain student's config.

    Args:
        models (dict): Title -> (config file, checkpoint).
        data_root (str or Path): Folder in COCO layout.
        path (str or Path): Picture file.
        count (int): The first ``count`` validation images. Defaults to 5.
        score_thr (float): Detections below are not drawn. Defaults to 0.3.
    """
    from mmdet.apis import inference_detector, init_detector
    from mmdet.structures import DetDataSample
    from mmdet.visualization import DetLocalVisualizer
    from mmengine.structures import InstanceData
    from torch import tensor

    root = Path(data_root)
    content = json.loads(
        (root / 'annotations' / 'instances_val2017.json').read_text()
    )
    files = [
        root / 'val2017' / entry['file_name']
        for entry in content['images'][:count]
    ]
    images = [_zoomed(file) for file in files]
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dict(classes=CLASSES, palette=list(PALETTE))

    def draw(image, sample, **kwargs):
        visualizer.add_datasample('', image, sample, **kwargs)
        return visualizer.get_image()

    truth = []
    for entry, image in zip(content['images'], images):
        mine = [
            a for a in content['annotations'] if a['image_id'] == entry['id']
        ]
        boxes = np.array([a['bbox'] for a in mine], float).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        sample = DetDataSample()
        sample.gt_instances = InstanceData(
            bboxes=tensor(boxes * _ZOOM),
            labels=tensor([a['category_id'] - 1 for a in mine]).long(),
        )
        truth.append(draw(image, sample, draw_pred=False))
    columns = {'ground truth': truth}
    for title, (config, checkpoint) in models.items():
        model = init_detector(str(config), str(checkpoint), device=_device())
        columns[title] = []
        for file, image in zip(files, images):
            sample = inference_detector(model, str(file)).cpu()
            sample.pred_instances.bboxes *= _ZOOM
            columns[title].append(
                draw(image, sample, draw_gt=False, pred_score_thr=score_thr)
            )
    _save_grid(columns, path)


def draw_segmentations(
    models: Models,
    data_root: Union[str, Path],
    path: Union[str, Path],
    count: int = 5,
) -> None:
    """Image, label, each model's label map, and where the last two differ.

    Args:
        models, data_root, path, count: As for :func:`draw_detections`; the
            data are in Cityscapes layout.
    """
    from mmseg.apis import inference_model, init_model

    root = Path(data_root)
    files = sorted((root / 'leftImg8bit' / 'val').glob('*/*.png'))[:count]
    labels = [
        root
        / 'gtFine'
        / 'val'
        / file.parent.name
        / file.name.replace('_leftImg8bit', '_gtFine_labelTrainIds')
        for file in files
    ]
    columns = {
        'image': [_zoomed(file) for file in files],
        'label': [_coloured(np.asarray(Image.open(file))) for file in labels],
    }
    maps = []
    for title, (config, checkpoint) in models.items():
        model = init_model(str(config), str(checkpoint), device=_device())
        maps.append(
            [
                inference_model(model, str(file))
                .pred_sem_seg.data[0]
                .cpu()
                .numpy()
                for file in files
            ]
        )
        columns[title] = [_coloured(label_map) for label_map in maps[-1]]
    columns['students differ'] = [
        _coloured(np.where(one == other, BACKGROUND, IGNORED))
        for one, other in zip(*maps[-2:])
    ]
    _save_grid(columns, path)


def _device() -> str:
    import torch

    return 'cuda:0' if torch.cuda.is_available() else 'cpu'


def _zoomed(file: Path) -> np.ndarray:
    image = Image.open(file).convert('RGB')
    size = (image.width * _ZOOM, image.height * _ZOOM)
    return np.asarray(image.resize(size, Image.Resampling.NEAREST))


def _coloured(label_map: np.ndarray) -> np.ndarray:
    """(H, W) labels to RGB, enlarged; white is :data:`IGNORED`."""
    colours = np.full((256, 3), 255, np.uint8)
    colours[: len(PALETTE)] = PALETTE
    return colours[label_map].repeat(_ZOOM, 0).repeat(_ZOOM, 1)


def _save_grid(
    columns: Dict[str, Sequence[np.ndarray]], path: Union[str, Path]
) -> None:
    """One column per title, one row per image."""
    from matplotlib.figure import Figure

    rows: List = list(zip(*columns.values()))
    figure = Figure(
        figsize=(2.6 * len(columns), 2.65 * len(rows)), layout='constrained'
    )
    panels = figure.subplots(len(rows), len(columns), squeeze=False)
    for row, images in zip(panels, rows):
        for axes, image in zip(row, images):
            axes.imshow(image)
            axes.set_axis_off()
    for axes, title in zip(panels[0], columns):
        axes.set_title(title)
    figure.savefig(path, dpi=130)
