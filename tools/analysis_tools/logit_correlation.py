"""Draw how far a student's class correlations are from its teacher's.

    python tools/analysis_tools/logit_correlation.py CONFIG CHECKPOINT \
        TEACHER_CONFIG TEACHER_CHECKPOINT --out correlation.png

The logits of the test set give one correlation matrix per model, class
against class; the picture shows the absolute difference, as Figure 3 of SDD
(https://arxiv.org/abs/2403.13512) and the papers before it.
"""

from typing import List

import torch
from torch import Tensor
from two_models import class_names, load_two, parser, run

from mmkd_logit.launch import run_and_explain


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


def draw(matrix: Tensor, names: List[str], title: str, path: str) -> None:
    """A square of colours; classes by name where there are at most 30."""
    from matplotlib.figure import Figure

    few = len(names) <= 30
    side = max(4.5, 0.3 * len(names)) if few else 6.0
    figure = Figure(figsize=(side + 1.2, side), layout='constrained')
    panel = figure.add_subplot()
    picture = panel.imshow(matrix, vmin=0, cmap='viridis')
    panel.set_title(title, fontsize='medium')
    if few:
        panel.set_xticks(range(len(names)), names, rotation=90)
        panel.set_yticks(range(len(names)), names)
    else:
        panel.set(xlabel='class', ylabel='class')
    figure.colorbar(
        picture, label='difference of class correlations', shrink=0.9
    )
    figure.savefig(path, dpi=150)


def main() -> None:
    args = parser(__doc__).parse_args()
    models, loader = load_two(args)
    logits = [
        run(model, loader, lambda model, x: model(x))[0]
        for model in models.values()
    ]
    try:
        matrix = difference(*logits)
    except ValueError as error:
        raise SystemExit(f'ValueError: {error}') from None
    numbers = f'mean {matrix.mean():.4f}, largest {matrix.max():.4f}'
    draw(
        matrix,
        class_names(loader, len(matrix)),
        f'|{args.names[0]} - {args.names[1]}|: {numbers}',
        args.out,
    )
    print(f'{numbers}; wrote {args.out}')


if __name__ == '__main__':
    run_and_explain(main)
