"""Draw predictions of segmentors: image, label, teacher and two students.

    python tools/analysis_tools/seg_pictures.py \
        configs/baseline/deeplabv3_r18_cityscapes.py student.pth \
        configs/dkd/deeplabv3_r101_r18_cityscapes.py distilled.pth \
        --images 0 50 100 --out pictures.png

The last picture of an image shows the pixels where the two students differ:
green where only the distilled one is right, red where only the other is, dark
grey where both are wrong, with the shares of green and red; pixels without a
label are light grey. Classes are named below. Images come from the test set of
the first config; the teacher is the one that the second config names. The
number above a model's picture is its share of right pixels. For a run with
--cfg-options take the config that it wrote into its work dir.
"""

import argparse
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner
from torch import nn
from two_models import load_model

from mmkd_logit.distillers.teacher import Teacher
from mmkd_logit.launch import (
    check_data,
    is_distiller,
    move_data_root,
    run_and_explain,
)
from mmkd_logit.pictures import DPI, WIDTH, legend, legend_height

BETTER, WORSE, BOTH_WRONG = (0, 160, 60), (215, 25, 30), (110, 110, 110)
WHITE, NO_LABEL = (255, 255, 255), (222, 222, 222)
MEANINGS = {
    'only the distilled student is right': BETTER,
    'only the student alone is right': WORSE,
    'both are wrong, differently': BOTH_WRONG,
    'both say the same': WHITE,
    'no label': NO_LABEL,
}
Colour = Tuple[int, int, int]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('config', help='of the student alone, and the data')
    parser.add_argument('checkpoint', help='of the student alone')
    parser.add_argument('distilled_config')
    parser.add_argument('distilled_checkpoint')
    parser.add_argument('--teacher-ckpt', help='if it lies elsewhere now')
    parser.add_argument(
        '--images', type=int, nargs='+', default=[0, 1, 2, 3], help='indices'
    )
    parser.add_argument('--out', default='seg_pictures.png')
    parser.add_argument('--data-root', help='folder with the same layout')
    parser.add_argument('--device', default='cpu')
    return parser.parse_args()


def load_teacher(
    cfg: Any, checkpoint: Optional[str], device: str
) -> Optional[nn.Module]:
    """The teacher of a distilled config; None if there is none."""
    if not is_distiller(cfg.model):
        return None
    source = checkpoint or cfg.model.teacher_ckpt
    return Teacher(cfg.model.teacher, source).build(torch.device(device))


@torch.no_grad()
def predict(model: nn.Module, item: dict) -> Tuple[np.ndarray, np.ndarray]:
    """Predicted and true label map of one image, at the label's size."""
    batch = dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
    with DefaultScope.overwrite_default_scope('mmseg'):
        sample = model.test_step(batch)[0]
    return (
        sample.pred_sem_seg.data[0].cpu().numpy(),
        sample.gt_sem_seg.data[0].cpu().numpy(),
    )


def colours(labels: np.ndarray, palette: List[Colour], other: Colour):
    """Label map (H, W) -> picture; labels without a class are ``other``."""
    table = np.full((256, 3), other, np.uint8)
    table[: len(palette)] = palette
    return table[labels]


def colour_of_no_label(palette: List[Colour]) -> Colour:
    """White or black, whichever is further from the colours of all classes."""
    gaps = {
        other: np.abs(np.subtract(palette, other)).sum(1).min()
        for other in (WHITE, (0, 0, 0))
    }
    return max(gaps, key=gaps.get)


def legend_of(
    maps: List[np.ndarray], dataset: Dict[str, Any], other: Colour
) -> Dict[str, Colour]:
    """Name -> colour of what occurs in label maps.

    Args:
        maps (list[np.ndarray]): Label maps.
        dataset (dict): ``metainfo`` with ``classes`` and ``palette``.
        other (tuple[int, int, int]): Colour of pixels without a label.
    """
    seen = sorted({int(label) for one in maps for label in np.unique(one)})
    classes = dataset['classes']
    found = {
        classes[label]: tuple(dataset['palette'][label])
        for label in seen
        if label < len(classes)
    }
    if seen and seen[-1] >= len(classes):
        found['no label'] = other
    return found


def differences(
    label: np.ndarray,
    alone: np.ndarray,
    distilled: np.ndarray,
    num_classes: int,
) -> np.ndarray:
    """Where two label maps differ, and which of them is right."""
    picture = np.full((*label.shape, 3), WHITE, np.uint8)
    differ = (alone != distilled) & (label < num_classes)
    picture[differ] = BOTH_WRONG
    picture[differ & (distilled == label)] = BETTER
    picture[differ & (alone == label)] = WORSE
    picture[label >= num_classes] = NO_LABEL
    return picture


def right_share(label: np.ndarray, seen: np.ndarray, classes: int) -> float:
    """Share of labelled pixels with the right class, nan without any."""
    known = label < classes
    return float((seen == label)[known].mean()) if known.any() else np.nan


def shares_of_change(
    label: np.ndarray, alone: np.ndarray, distilled: np.ndarray, classes: int
) -> Tuple[float, float]:
    """Share of labelled pixels that only one of two maps has right.

    Returns:
        tuple[float, float]: The distilled one, the other; their difference
        is that of :func:`right_share`. nan without labelled pixels.
    """
    known = label < classes
    if not known.any():
        return np.nan, np.nan
    ours, theirs = (distilled == label)[known], (alone == label)[known]
    return float((ours & ~theirs).mean()), float((theirs & ~ours).mean())


def look(
    models: Dict[str, nn.Module], dataset: Any, index: int, other: Colour
) -> Tuple[Dict[str, np.ndarray], List[np.ndarray]]:
    """Title -> picture for one image, and the label maps in them."""
    item = dataset[index]
    palette = dataset.metainfo['palette']
    classes = len(dataset.metainfo['classes'])
    maps = {}
    for name, model in models.items():
        maps[name], label = predict(model, item)
    shown = {
        f'image {index}': item['inputs'].numpy()[::-1].transpose(1, 2, 0),
        'label': colours(label, palette, other),
    }
    for name, seen in maps.items():
        title = f'{name}: {right_share(label, seen, classes):.1%} right'
        shown[title] = colours(seen, palette, other)
    students = maps['student alone'], maps['distilled']
    better, worse = shares_of_change(label, *students, classes)
    title = f'distilled: {better:.1%} better, {worse:.1%} worse'
    shown[title] = differences(label, *students, classes)
    return shown, [label, *maps.values()]


def draw(models: Dict[str, nn.Module], dataset: Any, args: Any) -> Figure:
    """Two columns of pictures per image, and what their colours mean."""
    other = colour_of_no_label(dataset.metainfo['palette'])
    pictures: List[Tuple[str, np.ndarray]] = []
    maps: List[np.ndarray] = []
    for index in args.images:
        if not 0 <= index < len(dataset):
            raise SystemExit(
                f'--images {index}: the test set has {len(dataset)} images, '
                f'the last one is {len(dataset) - 1}'
            )
        shown, seen = look(models, dataset, index, other)
        shown = list(shown.items())
        pictures += shown + [('', shown[0][1])] * (len(shown) % 2)
        maps += seen
    names = legend_of(maps, dataset.metainfo, other)
    height, width = pictures[1][1].shape[:2]
    lines = len(pictures) // 2
    figure = Figure(
        figsize=(
            WIDTH,
            (WIDTH / 2 * height / width + 0.25) * lines
            + legend_height(list(names))
            + legend_height(list(MEANINGS)),
        ),
        layout='constrained',
    )
    for panel, (title, picture) in zip(
        figure.subplots(lines, 2, squeeze=False).flat, pictures
    ):
        panel.set_axis_off()
        if title:
            panel.imshow(picture)
            panel.set_title(title, fontsize=9)
    legend(figure, _unit(MEANINGS), 'where the students differ', 'upper')
    legend(figure, _unit(names), 'label maps')
    figure.savefig(args.out, dpi=DPI)
    print(f'wrote {args.out}')
    return figure


def _unit(colours_of: Dict[str, Colour]) -> Dict[str, Tuple[float, ...]]:
    """The same colours from 0 to 1."""
    return {
        name: tuple(part / 255 for part in colour)
        for name, colour in colours_of.items()
    }


def main() -> None:
    args = parse_args()
    alone, cfg = load_model(args.config, args.checkpoint, args.device)
    distilled, distilled_cfg = load_model(
        args.distilled_config, args.distilled_checkpoint, args.device
    )
    teacher = load_teacher(distilled_cfg, args.teacher_ckpt, args.device)
    models = dict(teacher=teacher) if teacher is not None else {}
    models.update({'student alone': alone, 'distilled': distilled})
    if args.data_root:
        move_data_root(cfg, args.data_root)
    check_data(cfg, ('test_dataloader',))
    init_default_scope('mmseg')
    dataset = Runner.build_dataloader(cfg.test_dataloader).dataset
    draw(models, dataset, args)


if __name__ == '__main__':
    run_and_explain(main)
