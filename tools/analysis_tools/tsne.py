"""Draw t-SNE of the features of two classifiers, side by side.

    python tools/analysis_tools/tsne.py CONFIG CHECKPOINT \
        TEACHER_CONFIG TEACHER_CHECKPOINT --out tsne.png

Features are what the last linear layer reads. Needs scikit-learn.
"""

from typing import Any

from torch import Tensor, nn
from two_models import canvas, load_two, parser, run


def features(model: nn.Module, inputs: Tensor) -> Tensor:
    """Input of the last layer, (B, C)."""
    feats = model.extract_feat(inputs, stage='pre_logits')
    return feats[0] if isinstance(feats, tuple) else feats


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


def main() -> None:
    command = parser(__doc__)
    command.add_argument('--classes', type=int, default=10, help='the first n')
    command.add_argument('--images', type=int, default=2000, help='at most')
    args = command.parse_args()
    models, loader = load_two(args)
    figure, axes = canvas(2)
    for axis, (name, model) in zip(axes, models.items()):
        vectors, labels = run(model, loader, features)
        kept = (labels < args.classes).nonzero()[:, 0][: args.images]
        points = embed(vectors[kept])
        axis.scatter(*points.T, c=labels[kept], s=4, cmap='tab10')
        axis.set(title=name, xticks=[], yticks=[])
    figure.savefig(args.out, dpi=150, bbox_inches='tight')
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
