"""Accuracy of single cells per scale, and images whose cells disagree.

    python tools/analysis_tools/cells.py CONFIG CHECKPOINT \
        TEACHER_CONFIG TEACHER_CHECKPOINT --out cells.png --scales 1 2 4

Prints, for each model and scale, how often a cell alone gives the right
class, and how many cells are consistent or complementary (the teacher is
right or wrong there unlike in the whole image). Draws, for the second model,
images with the most complementary cells beside consistent ones, as the
pictures of SDD (https://arxiv.org/abs/2403.13512): green cells are right, red
ones wrong, hatched ones complementary.
"""

from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor, nn
from two_models import canvas, load_two, parser, run

from mmkd_logit.heads.linear import ClsLogits


def cell_hits(
    logits: Tensor, labels: Tensor, scales: List[int]
) -> Dict[int, Tensor]:
    """Whether each cell alone is right.

    Args:
        logits (Tensor): Of the cells, shape (M, C, cells).
        labels (Tensor): Shape (M,).
        scales (list[int]): Ascending, beginning with 1.

    Returns:
        dict[int, Tensor]: Scale m -> (M, m * m), bool.
    """
    hits = logits.argmax(1) == labels[:, None]
    parts = hits.split([scale**2 for scale in scales], dim=1)
    return dict(zip(scales, parts))


def summary(hits: Dict[int, Tensor]) -> List[Tuple[int, float, float]]:
    """Per scale: accuracy of a cell, and the share of complementary cells."""
    whole = hits[1]
    return [
        (
            scale,
            part.double().mean().item(),
            (part != whole).double().mean().item(),
        )
        for scale, part in hits.items()
    ]


def examples(hits: Dict[int, Tensor], count: int) -> Tuple[Tensor, Tensor]:
    """Indices of consistent and of most complementary images."""
    finest = hits[max(hits)]
    complementary = (finest != hits[1]).sum(1)
    order = complementary.argsort(descending=True, stable=True)
    return order.flip(0)[:count], order[:count]


def draw(axis: Any, image: Tensor, right: Tensor, whole: bool) -> None:
    """An image with one coloured frame per cell."""
    from matplotlib.patches import Rectangle

    H, W = image.shape[1:]
    low, high = image.min(), image.max()
    axis.imshow(((image - low) / (high - low)).permute(1, 2, 0))
    side = int(len(right) ** 0.5)
    for index, hit in enumerate(right.tolist()):
        corner = (index % side * W / side, index // side * H / side)
        axis.add_patch(
            Rectangle(
                (corner[0] - 0.5, corner[1] - 0.5),
                W / side,
                H / side,
                alpha=0.35,
                facecolor='green' if hit else 'red',
                hatch='' if hit == whole else '//',
                edgecolor='white',
            )
        )
    axis.set(xticks=[], yticks=[])


def main() -> None:
    command = parser(__doc__)
    command.add_argument('--scales', type=int, nargs='+', default=[1, 2, 4])
    command.add_argument('--examples', type=int, default=4)
    args = command.parse_args()
    reader = ClsLogits(scales=args.scales)

    def look(model: nn.Module, inputs: Tensor) -> Tensor:
        maps = model.extract_feat(inputs, stage='backbone')
        return reader.cell_logits(model, maps)

    models, loader = load_two(args)
    for name, model in models.items():
        reader.facts(model)
        hits = cell_hits(*run(model, loader, look), list(reader.scales))
        for scale, accuracy, share in summary(hits):
            print(
                f'{name}: {scale} x {scale} cells right {accuracy:.2%}, '
                f'complementary {share:.2%}'
            )
    pixels, labels = run(model, loader, lambda model, x: x)
    figure, axes = canvas(2 * args.examples)
    chosen = torch.cat(examples(hits, args.examples)).tolist()
    names = loader.dataset.metainfo.get('classes')
    for axis, index in zip(axes, chosen):
        draw(axis, pixels[index], hits[max(hits)][index], hits[1][index, 0])
        label = int(labels[index])
        axis.set(title=names[label] if names else str(label))
    figure.savefig(args.out, dpi=120, bbox_inches='tight')
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
