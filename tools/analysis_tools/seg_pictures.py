"""Draw what two segmentors see: image, label, teacher, student, distilled.

    python tools/analysis_tools/seg_pictures.py \
        configs/baseline/deeplabv3_r18_cityscapes.py student.pth \
        configs/dkd/deeplabv3_r101_r18_cityscapes.py distilled.pth \
        --images 0 50 100 --out pictures.png

The last column shows the pixels where the two students differ: green where
only the distilled one is right, red where only the other is, grey where both
are wrong. Images come from the test set of the first config; the teacher is
the one that the second config names. The number is each picture's share of
right pixels.
"""

import argparse
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner
from torch import nn
from two_models import canvas, load_model

from mmkd_logit.distillers.teacher import Teacher
from mmkd_logit.launch import is_distiller, move_data_root, run_and_explain

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


def draw(models: Dict[str, nn.Module], dataset: Any, args: Any) -> None:
    """One row per image."""
    palette = dataset.metainfo['palette']
    classes = len(dataset.metainfo['classes'])
    titles = ['image', 'label', *models, 'where the students differ']
    rows = []
    for index in args.images:
        item = dataset[index]
        maps = {}
        for name, model in models.items():
            maps[name], label = predict(model, item)
        image = item['inputs'].numpy()[::-1].transpose(1, 2, 0)
        shares = [right_share(label, seen, classes) for seen in maps.values()]
        pictures = [image, colours(label, palette)]
        pictures += [colours(seen, palette) for seen in maps.values()]
        pictures.append(
            differences(
                label, maps['student alone'], maps['distilled'], classes
            )
        )
        notes = ['', '', *[f'{share:.1%}' for share in shares], '']
        rows.append(list(zip(pictures, notes)))
    figure, _ = canvas(1)
    figure.clear()
    height, width = rows[0][1][0].shape[:2]
    figure.set_size_inches(
        3 * len(titles), (3 * height / width + 0.3) * len(rows)
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
    init_default_scope('mmseg')
    dataset = Runner.build_dataloader(cfg.test_dataloader).dataset
    draw(models, dataset, args)


if __name__ == '__main__':
    run_and_explain(main)
