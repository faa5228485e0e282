"""Accuracy of single cells per scale, and images whose cells disagree.

    python tools/analysis_tools/cells.py CONFIG CHECKPOINT \
        TEACHER_CONFIG TEACHER_CHECKPOINT --out cells.png --scales 1 2 4

Prints and draws, for each model and scale, how often a cell alone gives the
right class, and how many cells are consistent or complementary (right or
wrong unlike the whole image). Beside it, for the second model, images with
only consistent cells, and with the most complementary ones, as the pictures
of SDD (https://arxiv.org/abs/2403.13512).
"""

from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor, nn
from two_models import class_names, load_two, parser, run

from mmkd_logit.heads.cls_logits import ClsLogits
from mmkd_logit.launch import run_and_explain
from mmkd_logit.pictures import DPI, WIDTH

_COLOURS = {True: 'limegreen', False: 'red'}


def cell_hits(
    classes: Tensor, labels: Tensor, scales: List[int]
) -> Dict[int, Tensor]:
    """Whether each cell alone is right.

    Args:
        classes (Tensor): That the cells predict, shape (M, cells).
        labels (Tensor): Shape (M,).
        scales (list[int]): Ascending, beginning with 1.

    Returns:
        dict[int, Tensor]: Scale m -> (M, m * m), bool.
    """
    hits = classes == labels[:, None]
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


def examples(
    hits: Dict[int, Tensor], labels: Tensor, count: int
) -> Dict[str, List[int]]:
    """Row title -> indices of at most ``count`` images, of many classes.

    Consistent images are right as a whole and in every cell of the finest
    scale; complementary ones have the most cells unlike the whole.
    """
    whole = hits[1][:, 0]
    unlike = (hits[max(hits)] != hits[1]).sum(1)
    rows = {
        'consistent:\nall cells right': whole & (unlike == 0),
        'complementary:\nwhole right, cells wrong': whole & (unlike > 0),
        'complementary:\nwhole wrong, cells right': ~whole & (unlike > 0),
    }
    return {
        title: _of_many_classes(kept, unlike, labels)[:count]
        for title, kept in rows.items()
    }


def _of_many_classes(
    kept: Tensor, unlike: Tensor, labels: Tensor
) -> List[int]:
    """Indices, most complementary first, each class once before any twice."""
    order = unlike.argsort(descending=True, stable=True)
    seen: Dict[int, int] = {}
    ranked = []
    for index in order[kept[order]].tolist():
        label = int(labels[index])
        seen[label] = seen.get(label, 0) + 1
        ranked.append((seen[label], len(ranked), index))
    return [index for _, _, index in sorted(ranked)]


def draw_cells(panel: Any, image: Tensor, hits: Tensor, whole: bool) -> None:
    """An image (3, H, W) in 0 to 1 with a coloured frame in each cell."""
    from matplotlib.patches import Rectangle

    H, W = image.shape[1:]
    panel.imshow(image.permute(1, 2, 0))
    side = int(len(hits) ** 0.5)
    height, width = H / side, W / side
    for index, hit in enumerate(hits.tolist()):
        panel.add_patch(
            Rectangle(
                (
                    (index % side + 0.04) * width - 0.5,
                    (index // side + 0.04) * height - 0.5,
                ),
                0.92 * width,
                0.92 * height,
                facecolor='none',
                edgecolor=_COLOURS[hit],
                linewidth=1.5,
                hatch='' if hit == whole else '///',
            )
        )


def draw_bars(panels: Any, rows: Dict[str, list]) -> None:
    """Accuracy and share of complementary cells, per scale and model."""
    titles = ('right cells, %', 'complementary cells, %')
    for column, (panel, title) in enumerate(zip(panels, titles), 1):
        for number, (name, lines) in enumerate(rows.items()):
            bars = panel.bar(
                [x + 0.4 * number for x in range(len(lines))],
                [100 * line[column] for line in lines],
                width=0.38,
                label=name,
            )
            panel.bar_label(bars, fmt='%.1f', fontsize=7)
        panel.set_xticks(
            [x + 0.2 for x in range(len(lines))],
            [f'{line[0]} x {line[0]}' for line in lines],
        )
        panel.set_title(title, fontsize=9)
        panel.margins(y=0.15)


def image_of(model: nn.Module, dataset: Any, index: int) -> Tensor:
    """One image as the model sees it, without its normalisation, 0 to 1."""
    item = dataset[index]
    batch = dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
    preprocessor = model.data_preprocessor
    image = preprocessor(batch, False)['inputs'][0]
    if getattr(preprocessor, '_enable_normalize', False):
        image = image * preprocessor.std + preprocessor.mean
    return (image / 255).clamp(0, 1).cpu()


def draw(
    model: nn.Module,
    dataset: Any,
    names: List[str],
    seen: Tuple[Dict[int, Tensor], Tensor, Tensor],
    rows: Dict[str, list],
    args: Any,
) -> None:
    """Bars, and below them three rows of examples."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    hits, labels, classes = seen
    chosen = examples(hits, labels, args.examples)
    size = WIDTH / args.examples
    heights = (4.4, len(chosen) * (size + 0.6) + 0.9)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout='constrained')
    top, below = figure.subfigures(2, 1, height_ratios=heights)
    bars = top.subplots(2, 1)
    draw_bars(bars, rows)
    top.legend(
        *bars[0].get_legend_handles_labels(),
        title='model',
        loc='outside lower center',
        ncols=2,
        fontsize=9,
        title_fontsize=9,
    )
    parts = below.subfigures(
        len(chosen) + 1, 1, height_ratios=[*[size + 0.6] * len(chosen), 0.9]
    )
    for part, (title, indices) in zip(parts, chosen.items()):
        part.suptitle(title.replace('\n', ' '), fontsize=10)
        panels = part.subplots(1, args.examples, squeeze=False)[0]
        for panel in panels:
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
        if not indices:
            panels[0].text(0.5, 0.5, 'none', ha='center', va='center')
        for panel, index in zip(panels, indices):
            whole = hits[1][index, 0].item()
            draw_cells(
                panel,
                image_of(model, dataset, index),
                hits[max(hits)][index],
                whole,
            )
            label = names[labels[index]]
            if not whole:
                label += f',\nseen as {names[classes[index]]}'
            panel.set_title(label, fontsize=8)
    parts[-1].legend(
        handles=[
            Patch(fill=False, edgecolor=_COLOURS[True], label='right cell'),
            Patch(fill=False, edgecolor=_COLOURS[False], label='wrong cell'),
            Patch(fill=False, hatch='///', label='complementary cell'),
        ],
        title=f'cells of the {args.names[1]}',
        loc='center',
        ncols=3,
        fontsize=9,
        title_fontsize=9,
    )
    figure.savefig(args.out, dpi=DPI)


def main() -> None:
    command = parser(__doc__)
    command.add_argument('--scales', type=int, nargs='+', default=[1, 2, 4])
    command.add_argument('--examples', type=int, default=4, help='per row')
    args = command.parse_args()
    reader = ClsLogits(scales=args.scales)

    def look(model: nn.Module, inputs: Tensor) -> Tensor:
        maps = model.extract_feat(inputs, stage='backbone')
        return reader.cell_logits(model, maps).argmax(1)

    models, loader = load_two(args)
    rows = {}
    for name, model in models.items():
        count = reader.facts(model).num_classes
        classes, labels = run(model, loader, look)
        hits = cell_hits(classes, labels, list(reader.scales))
        rows[name] = summary(hits)
        for scale, accuracy, share in rows[name]:
            print(
                f'{name}: {scale} x {scale} cells right {accuracy:.2%}, '
                f'complementary {share:.2%}'
            )
    seen = (hits, labels, classes[:, 0])
    with torch.no_grad():
        draw(
            model, loader.dataset, class_names(loader, count), seen, rows, args
        )
    print(f'wrote {args.out}')


if __name__ == '__main__':
    run_and_explain(main)
