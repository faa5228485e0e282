"""Draw t-SNE of the features of two classifiers, side by side.

    python tools/analysis_tools/tsne.py CONFIG CHECKPOINT \
        TEACHER_CONFIG TEACHER_CHECKPOINT --out tsne.png

Features are what the last linear layer reads. Needs scikit-learn.
"""

from typing import Any, Dict, List

import torch
from torch import Tensor, nn
from two_models import class_names, load_two, parser, run

from mmkd_logit.launch import run_and_explain


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
) -> None:
    """One panel per model, one colour per class; a legend for 20 at most."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    colours = colormaps['tab10' if len(names) <= 10 else 'tab20'].colors
    figure = Figure(figsize=(9, 4.9), layout='constrained')
    panels = figure.subplots(1, len(points), squeeze=False)[0]
    for panel, (title, vectors) in zip(panels, points.items()):
        for label, name in enumerate(names):
            panel.scatter(
                *vectors[labels == label].T,
                color=colours[label % len(colours)],
                s=5 if len(labels) > 500 else 14,
                linewidths=0,
                label=name,
            )
        panel.set(title=title, xticks=[], yticks=[])
    if len(names) <= 20:
        figure.legend(
            *panels[0].get_legend_handles_labels(),
            loc='outside lower center',
            ncols=min(5, len(names)),
            markerscale=2,
        )
    figure.savefig(path, dpi=150)


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
