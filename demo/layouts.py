"""Write demo scenes to disk, in the layouts that the toolboxes read."""

import json
import shutil
from pathlib import Path
from typing import Callable, Iterable, Optional, Tuple, Union

from PIL import Image

from .digits import CLASSES, SPLITS, VERSION, make_scene

_STAMP = 'digits.json'
Progress = Callable[[Iterable], Iterable]


def write_coco(
    folder: Union[str, Path],
    counts: Tuple[int, int] = (1600, 200),
    seed: int = 0,
    progress: Optional[Progress] = None,
) -> Path:
    """Write images and boxes in the layout of COCO 2017.

    ``train2017/*.png``, ``val2017/*.png`` and
    ``annotations/instances_{train,val}2017.json``. A folder that already
    holds the same data is left alone.

    Args:
        folder (str or Path): Made if needed.
        counts (tuple[int, int]): Images for training and for validation.
            Defaults to (1600, 200).
        seed (int): Seed of the dataset. Defaults to 0.
        progress (callable, optional): Wraps the loop over all images, for
            example ``tqdm``.

    Returns:
        Path: ``folder``.
    """
    made = {
        split: dict(
            images=[],
            annotations=[],
            categories=[
                dict(id=number, name=name, supercategory='digit')
                for number, name in enumerate(CLASSES, 1)
            ],
        )
        for split in SPLITS
    }

    def write(split, index, scene, folder):
        name = f'{index:06d}.png'
        content = made[split]
        _save(scene.image, folder / f'{split}2017' / name)
        height, width = scene.image.shape[:2]
        content['images'].append(
            dict(id=index, file_name=name, height=height, width=width)
        )
        for box, label in zip(scene.boxes.tolist(), scene.labels.tolist()):
            content['annotations'].append(
                dict(
                    id=len(content['annotations']) + 1,
                    image_id=index,
                    category_id=label + 1,
                    bbox=box,
                    area=box[2] * box[3],
                    iscrowd=0,
                )
            )

    def finish(folder):
        (folder / 'annotations').mkdir()
        for split, content in made.items():
            path = folder / 'annotations' / f'instances_{split}2017.json'
            path.write_text(json.dumps(content))

    return _write('coco', folder, counts, seed, progress, write, finish)


def write_cityscapes(
    folder: Union[str, Path],
    counts: Tuple[int, int] = (1600, 200),
    seed: int = 0,
    progress: Optional[Progress] = None,
) -> Path:
    """Write the same images and their label maps in the Cityscapes layout.

    ``leftImg8bit/{train,val}/demo/*_leftImg8bit.png`` and
    ``gtFine/{train,val}/demo/*_gtFine_labelTrainIds.png``. Labels are 0 to 9
    for digits, 10 for background and 255 for the soft edge of a digit.

    Args:
        folder, counts, seed, progress: As for :func:`write_coco`.

    Returns:
        Path: ``folder``.
    """

    def write(split, index, scene, folder):
        name = f'demo_{index:06d}_000000'
        _save(
            scene.image,
            folder
            / 'leftImg8bit'
            / split
            / 'demo'
            / f'{name}_leftImg8bit.png',
        )
        _save(
            scene.label_map,
            folder
            / 'gtFine'
            / split
            / 'demo'
            / f'{name}_gtFine_labelTrainIds.png',
        )

    return _write('cityscapes', folder, counts, seed, progress, write)


def _write(layout, folder, counts, seed, progress, write, finish=None):
    """Write every scene into a new folder, and rename it at the end."""
    folder = Path(folder)
    stamp = dict(
        layout=layout, counts=list(counts), seed=seed, version=VERSION
    )
    if folder.exists():
        if _read_stamp(folder) == stamp:
            return folder
        if any(folder.iterdir()) and not (folder / _STAMP).exists():
            raise ValueError(
                f'{folder} holds other files and is not overwritten; the demo '
                'needs a folder of its own, name another one'
            )
    unfinished = folder.with_name(f'{folder.name}.unfinished')
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    todo = [
        (split, index)
        for split, count in zip(SPLITS, counts)
        for index in range(count)
    ]
    for split, index in progress(todo) if progress else todo:
        write(split, index, make_scene(split, index, seed), unfinished)
    if finish is not None:
        finish(unfinished)
    (unfinished / _STAMP).write_text(json.dumps(stamp))
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return folder


def _read_stamp(folder):
    path = folder / _STAMP
    return json.loads(path.read_text()) if path.exists() else None


def _save(array, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
