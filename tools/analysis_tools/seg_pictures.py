"""Draw predictions of segmentors: image, label, teacher and two students.

    python tools/analysis_tools/seg_pictures.py \
        configs/baseline/deeplabv3_r18_cityscapes.py student.pth \
        configs/dkd/deeplabv3_r101_r18_cityscapes.py distilled.pth \
        --images 0 50 100 --out pictures.png

The last column shows the pixels where the two students differ: green where
only the distilled one is right, red where only the other is, grey where both
are wrong, with the shares of green and red. Images come from the test set of
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

BETTER, WORSE, BOTH_WRONG = (0, 160, 60), (215, 25, 30), (150, 150, 150)
WHITE = (255, 255, 255)


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


def colours(labels: np.ndarray, palette: List[Tuple[int, int, int]]):
    """Label map (H, W) -> picture; labels without a colour are black."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    return table[labels]


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


def draw(models: Dict[str, nn.Module], dataset: Any, args: Any) -> None:
    """One row per image."""
    palette = dataset.metainfo['palette']
    classes = len(dataset.metainfo['classes'])
    last = 'students differ: better, worse'
    titles = ['image', 'label', *models, last]
    rows = []
    for index in args.images:
        if not 0 <= index < len(dataset):
            raise SystemExit(
                f'--images {index}: the test set has {len(dataset)} images, '
                f'the last one is {len(dataset) - 1}'
            )
        item = dataset[index]
        maps = {}
        for name, model in models.items():
            maps[name], label = predict(model, item)
        image = item['inputs'].numpy()[::-1].transpose(1, 2, 0)
        shares = [right_share(label, seen, classes) for seen in maps.values()]
        pictures = [image, colours(label, palette)]
        pictures += [colours(seen, palette) for seen in maps.values()]
        students = maps['student alone'], maps['distilled']
        pictures.append(differences(label, *students, classes))
        notes = ['', '', *[f'{share:.1%}' for share in shares]]
        better, worse = shares_of_change(label, *students, classes)
        notes.append(f'+{better:.1%}, -{worse:.1%}')
        rows.append(list(zip(pictures, notes)))
    height, width = rows[0][1][0].shape[:2]
    figure = Figure(
        figsize=(3 * len(titles), (3 * height / width + 0.3) * len(rows))
    )
    panels = figure.subplots(len(rows), len(titles), squeeze=False)
    for axes, row in zip(panels, rows):
        for axis, (picture, note) in zip(axes, row):
            axis.imshow(picture)
            axis.set_axis_off()
            axis.set_title(note, fontsize=8)
    for axis, title in zip(panels[0], titles):
        axis.set_title(f'{title} {axis.get_title()}'.strip(), fontsize=9)
    figure.tight_layout(pad=0.3)
    figure.savefig(args.out, dpi=110)
    print(f'wrote {args.out}')


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
