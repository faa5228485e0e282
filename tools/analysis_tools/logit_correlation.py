"""Draw how far a student's class correlations are from its teacher's.

    python tools/analysis_tools/logit_correlation.py CONFIG CHECKPOINT \
        TEACHER_CONFIG TEACHER_CHECKPOINT --out correlation.png

The logits of the test set give one correlation matrix per model, class
against class. The picture shows both in one colour scale, and the absolute
difference, as Figure 3 of SDD (https://arxiv.org/abs/2403.13512) and the
papers before it. Pictures of several runs get one scale with --largest.
"""

from typing import Dict, List, Optional

import torch
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor
from two_models import class_names, load_two, parser, run

from mmkd_logit.launch import run_and_explain
from mmkd_logit.pictures import DPI, column


def class_correlation(logits: Tensor) -> Tensor:
    """Pearson correlation of the columns: (M, C) -> (C, C)."""
    return torch.corrcoef(logits.double().T)


def difference(logits: Tensor, other: Tensor) -> Tensor:
    """Absolute difference of two class correlations, (C, C).

    Raises:
        ValueError: If the two models have different classes.
    """
    if logits.shape != other.shape:
        raise ValueError(
            f'logits of {tuple(logits.shape)} and {tuple(other.shape)} '
            'cannot be compared; both models need the same classes'
        )
    return (class_correlation(logits) - class_correlation(other)).abs()


def draw(
    matrices: Dict[str, Tensor],
    names: List[str],
    path: str,
    largest: Optional[float] = None,
) -> Figure:
    """The two matrices in one colour scale, and their difference below.

    Args:
        matrices (dict[str, Tensor]): Title -> class correlations, (C, C); two.
        names (list[str]): Of the C classes; shown where they are at most 30.
        path (str): Picture file.
        largest (float, optional): Upper end of the difference's scale.
            Defaults to its own largest value.

    Returns:
        Figure: What was written.
    """
    first, second = matrices.values()
    gap = (first - second).abs()
    few = len(names) <= 30
    figure, panels = column([4.4 if few else 4.2] * 3, layout='compressed')
    same = Normalize(-1, 1)
    for panel, (title, matrix) in zip(panels, matrices.items()):
        picture = panel.imshow(matrix.numpy(), norm=same, cmap='RdBu_r')
        panel.set_title(f'correlation of classes, {title}')
    figure.colorbar(
        picture, ax=panels[:2], label='correlation, -1 to 1', shrink=0.6
    )
    picture = panels[2].imshow(
        gap.numpy(), vmin=0, vmax=largest or gap.max().item(), cmap='viridis'
    )
    panels[2].set_title(
        f'absolute difference: mean {gap.mean():.3g}, largest {gap.max():.3g}'
    )
    figure.colorbar(
        picture,
        ax=panels[2:],
        label='difference',
        shrink=0.8,
        extend='max' if largest and largest < gap.max() else 'neither',
    )
    for panel in panels:
        if few:
            size = 9 if len(names) <= 15 else 6
            places = range(len(names))
            panel.set_xticks(places, names, rotation=90, fontsize=size)
            panel.set_yticks(places, names, fontsize=size)
        else:
            panel.set(xlabel='class number', ylabel='class number')
    figure.savefig(path, dpi=DPI)
    return figure


def main() -> None:
    command = parser(__doc__)
    command.add_argument(
        '--largest',
        type=float,
        help="upper end of the difference's scale, the same for pictures "
        'that are compared',
    )
    args = command.parse_args()
    models, loader = load_two(args)
    logits = [
        run(model, loader, lambda model, x: model(x))[0]
        for model in models.values()
    ]
    try:
        gap = difference(*logits)
    except ValueError as error:
        raise SystemExit(f'ValueError: {error}') from None
    draw(
        dict(zip(models, map(class_correlation, logits))),
        class_names(loader, len(gap)),
        args.out,
        args.largest,
    )
    print(f'mean {gap.mean():.4f}, largest {gap.max():.4f}; wrote {args.out}')


if __name__ == '__main__':
    run_and_explain(main)
