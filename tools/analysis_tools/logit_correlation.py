"""Draw how far a student's class correlations are from its teacher's.

    python tools/analysis_tools/logit_correlation.py CONFIG CHECKPOINT \
        TEACHER_CONFIG TEACHER_CHECKPOINT --out correlation.png

The logits of the test set give one correlation matrix per model, class
against class; the picture shows the absolute difference, as Figure 3 of SDD
(https://arxiv.org/abs/2403.13512) and the papers before it.
"""

import torch
from torch import Tensor
from two_models import canvas, load_two, parser, run


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


def main() -> None:
    args = parser(__doc__).parse_args()
    models, loader = load_two(args)
    logits = [
        run(model, loader, lambda model, x: model(x))[0]
        for model in models.values()
    ]
    matrix = difference(*logits)
    title = f'mean {matrix.mean():.4f}, largest {matrix.max():.4f}'
    figure, (axis,) = canvas(1)
    picture = axis.imshow(matrix, vmin=0, cmap='viridis')
    axis.set(title=f'|{args.names[0]} - {args.names[1]}|\n{title}')
    figure.colorbar(picture)
    figure.savefig(args.out, dpi=150, bbox_inches='tight')
    print(f'{title}; wrote {args.out}')


if __name__ == '__main__':
    main()
