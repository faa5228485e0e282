"""Draw t-SNE of the features of two classifiers, one below the other.

    python tools/analysis_tools/tsne.py CONFIG CHECKPOINT \
        TEACHER_CONFIG TEACHER_CHECKPOINT --out tsne.png

Features are what the last linear layer reads. Needs scikit-learn.
"""

from typing import Any, Dict, List

import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor, nn
from two_models import class_names, load_two, parser, run

from mmkd_logit.launch import run_and_explain
from mmkd_logit.pictures import DPI, column, columns_of

_SHAPES = 'os^Dv'


def features(model: nn.Module, inputs: Tensor) -> Tensor:
    """Input of the last layer, (B, C)."""
    feats = model.extract_feat(inputs, stage='pre_logits')
    return feats[0] if isinstance(feats, (tuple, list)) else feats


def chosen(labels: Tensor, classes: int, images: int) -> Tensor:
    """At most ``images`` indices with labels below ``classes``, spread evenly.

    Datasets are often sorted by class, so the first ones would be of few.
    """
    kept = (labels < classes).nonzero()[:, 0]
    count = min(images, len(kept))
    return kept[torch.arange(count) * len(kept) // max(count, 1)]


def embed(vectors: Tensor, seed: int = 0) -> Any:
    """(M, C) -> (M, 2), the same for the same seed.

    Raises:
        ImportError: If scikit-learn is missing.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise ImportError(
            't-SNE needs scikit-learn: pip install scikit-learn'
        ) from error
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    return TSNE(
        init='pca', perplexity=perplexity, random_state=seed
    ).fit_transform(vectors.numpy())


def draw(
    points: Dict[str, Any], labels: Tensor, names: List[str], path: str
) -> Figure:
    """One panel per model; a colour and from 20 classes on a shape per class.

    Args:
        points (dict): Title -> (M, 2).
        labels (Tensor): Class of each point, (M,).
        names (list[str]): Of all classes; each has its place in the legend.
        path (str): Picture file.

    Returns:
        Figure: What was written.
    """
    colours = colormaps['tab10' if len(names) <= 10 else 'tab20'].colors
    ncols = columns_of(max(map(len, names)))
    footer = 0.2 * -(-len(names) // ncols) + 0.7
    figure, panels = column([4.2] * len(points), footer)
    for panel, (title, vectors) in zip(panels, points.items()):
        for label, name in enumerate(names):
            panel.scatter(
                *vectors[labels == label].T,
                color=colours[label % len(colours)],
                marker=_SHAPES[label // len(colours) % len(_SHAPES)],
                s=6 if len(labels) > 500 else 16,
                linewidths=0,
                label=name,
            )
        panel.set(title=title, xticks=[], yticks=[])
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc='outside lower center',
        ncols=ncols,
        markerscale=2,
        fontsize=9,
        title='classes; the axes of t-SNE have no unit',
        title_fontsize=9,
    )
    figure.savefig(path, dpi=DPI)
    return figure


def main() -> None:
    command = parser(__doc__)
    command.add_argument('--classes', type=int, default=10, help='the first n')
    command.add_argument('--images', type=int, default=2000, help='at most')
    args = command.parse_args()
    models, loader = load_two(args)
    points = {}
    for name, model in models.items():
        vectors, labels = run(model, loader, features)
        kept = chosen(labels, args.classes, args.images)
        try:
            points[name] = embed(vectors[kept])
        except ImportError as error:
            raise SystemExit(str(error)) from None
    classes = min(args.classes, int(labels.max()) + 1)
    draw(points, labels[kept], class_names(loader, classes), args.out)
    print(f'{len(kept)} images of {classes} classes; wrote {args.out}')


if __name__ == '__main__':
    run_and_explain(main)
