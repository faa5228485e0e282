"""Facts of a run, which are compared with those of a cache."""

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple

from torch import nn
from torch.utils.data import DataLoader, Dataset

from ..heads.base import LogitReader
from ..messages import WrongValue
from .fingerprint import Fingerprint, data_part, flat, pipeline_part
from .order import Length, RowOrder, order_by_place

if TYPE_CHECKING:
    from ..distillers import LogitDistiller


class PlacedOrder(NamedTuple):
    """Rows by place, and the settings that their order depends on.

    Attributes:
        rows (RowOrder): Order of the rows of a run.
        facts (dict[str, str]): Setting -> value.
    """

    rows: RowOrder
    facts: Dict[str, str]


def run_fingerprint(
    config: Mapping[str, Any], dataset: Dataset, distiller: 'LogitDistiller'
) -> Fingerprint:
    """Data, pipeline, preprocessor and classes of a run.

    Args:
        config (dict): Config of the run.
        dataset (Dataset): Its training set, built.
        distiller (LogitDistiller): Its distiller, prepared.
    """
    columns = distiller.teacher.class_columns
    return dict(
        data=data_part(dataset),
        pipeline=pipeline_part(config['train_dataloader']['dataset']),
        preprocessor=dict(flat(_preprocessor(config))),
        classes={} if columns is None else dict(flat(columns._asdict())),
    )


def _preprocessor(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Config of the student's data preprocessor, wherever it stands."""
    model = config['model']
    places = (model.get('student') or {}, model, config)
    return next(
        (
            place['data_preprocessor']
            for place in places
            if isinstance(place, Mapping) and place.get('data_preprocessor')
        ),
        {},
    )


def run_order(
    config: Mapping[str, Any], loader: DataLoader, length: Length, seed: int
) -> PlacedOrder:
    """In what order a run in one process draws its samples.

    Args:
        config (dict): Config of the run.
        loader (DataLoader): Data loader of its training, built.
        length (Length): Length of the run.
        seed (int): Seed of the run.

    Raises:
        ValueError: If the order differs from start to start.
    """
    if (config.get('randomness') or {}).get('diff_rank_seed'):
        raise WrongValue(
            'randomness.diff_rank_seed=True shuffles the samples in another '
            'way at each start, so no cache of random augmentation can be '
            'used; set it to False'
        )
    rows = order_by_place(loader, length)
    sampler = config['train_dataloader'].get('sampler')
    facts = {
        'randomness.seed': str(seed),
        'batch_size': str(rows.batch),
        'samples of a pass': str(rows.per_pass),
        **dict(flat(sampler, 'sampler')),
    }
    return PlacedOrder(rows, facts)


def describe_reader(reader: LogitReader) -> str:
    """A reader with what it asks of the teacher.

    Raises:
        ValueError: If its rows cannot be cached.
    """
    options = reader.teacher_options()
    name = type(reader).__name__
    if options is None:
        raise WrongValue(
            f'the rows of {name} depend on what the student does in a step '
            '(RoIs, assigned anchors, matched queries), so the teacher '
            'cannot be cached; ClsLogits and SegLogits can'
        )
    words = ', '.join(f'{key}={value!r}' for key, value in options.items())
    return f'{name}({words})'


def readers_of(distiller: 'LogitDistiller') -> List[str]:
    """Readers of all terms, each once."""
    found = (describe_reader(t.reader) for t in distiller.terms.values())
    return list(dict.fromkeys(found))


def check_readers(
    folder: str, cached: List[str], distiller: 'LogitDistiller'
) -> None:
    """Refuse a term whose logits a cache does not hold.

    Raises:
        ValueError: Naming its reader.
    """
    for reader in readers_of(distiller):
        if reader not in cached:
            raise WrongValue(
                f'the teacher cache {folder!r} is for {" and ".join(cached)}, '
                f'but this run reads {reader}; write one for this run with '
                'tools/cache_teacher.py CONFIG --out FOLDER'
            )


def check_images(dataset: Dataset, preprocessor: nn.Module) -> None:
    """Refuse runs whose images are not those of one sample and place.

    Args:
        dataset (Dataset): The training set.
        preprocessor (nn.Module): The student's data preprocessor.

    Raises:
        ValueError: Naming what mixes images.
    """
    from ..hooks.seed_each_iter_hook import parts_with_memory

    mixing = getattr(preprocessor, 'batch_augments', None)
    if mixing:
        names = [
            type(one).__name__
            for one in getattr(mixing, 'augments', None) or [mixing]
            if one is not None
        ]
        raise WrongValue(
            f'the data preprocessor mixes the images of a batch '
            f'({", ".join(names)}), so the teacher cannot be cached; remove '
            '`batch_augments`, or train with the teacher itself'
        )
    remembering = parts_with_memory(dataset, preprocessor)
    if remembering:
        raise WrongValue(
            f'{", ".join(remembering)} mixes in images that it remembers from '
            'before, which a seed does not repeat, so the teacher cannot be '
            'cached; take the variant without a cache, or train with the '
            'teacher itself'
        )
