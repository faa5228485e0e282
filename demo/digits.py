"""Scenes for the demo: handwritten digits pasted on noisy backgrounds."""

import functools
from typing import NamedTuple, Tuple

import numpy as np
from PIL import Image

#: Class names; the position of a name is its label.
CLASSES = tuple('0123456789')
#: Label of pixels without a digit, in label maps.
BACKGROUND = len(CLASSES)
#: Label of a digit's soft edge, in label maps.
IGNORED = 255
#: Parts of the data; no digit of one is used in the other.
SPLITS = ('train', 'val')
#: Increased when scenes change, so that data on disk is written anew.
VERSION = 1

_TRAIN_SHARE = 0.8
_INK = 0.5  # opacity from which a pixel belongs to the digit
_EDGE = 0.1  # opacity from which a pixel is not clean background


class Scene(NamedTuple):
    """One image with its annotation.

    Attributes:
        image (ndarray): RGB, shape (H, W, 3), uint8.
        labels (ndarray): Class of each digit, shape (N,).
        boxes (ndarray): Smallest boxes around the digits' pixels in
            ``label_map``, shape (N, 4), int: x, y, width, height.
        label_map (ndarray): Class of each pixel, shape (H, W), uint8;
            :data:`BACKGROUND` and :data:`IGNORED` included.
    """

    image: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    label_map: np.ndarray


@functools.lru_cache(maxsize=None)
def bundled_digits(split: str) -> Tuple[np.ndarray, np.ndarray]:
    """Scikit-learn's handwritten digits of one split.

    Args:
        split (str): ``'train'`` (80 % of the 1797 digits) or ``'val'``.

    Returns:
        tuple[ndarray, ndarray]: Opacity, shape (N, 8, 8), in [0, 1], and
        class, shape (N,).
    """
    if split not in SPLITS:
        raise ValueError(f'split must be one of {SPLITS}, got {split!r}')
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'the demo takes its digits from scikit-learn, which is not '
            'installed; try: pip install scikit-learn'
        ) from error
    bundle = load_digits()
    order = np.random.default_rng(0).permutation(len(bundle.target))
    cut = int(_TRAIN_SHARE * len(order))
    kept = order[:cut] if split == 'train' else order[cut:]
    images = bundle.images[kept]
    return images / images.max(axis=(1, 2), keepdims=True), bundle.target[kept]


def make_scene(
    split: str, index: int, seed: int = 0, size: int = 128
) -> Scene:
    """Paint one scene; equal arguments give equal scenes.

    Args:
        split (str): ``'train'`` or ``'val'``.
        index (int): Number of the scene, >= 0.
        seed (int): Seed of the dataset. Defaults to 0.
        size (int): Height and width in pixels. Defaults to 128.
    """
    images, classes = bundled_digits(split)
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    canvas = _background(rng, size)
    label_map = np.full((size, size), BACKGROUND, np.uint8)
    taken = np.zeros((size, size), bool)
    labels, boxes = [], []
    for _ in range(rng.integers(3, 9)):
        which = rng.integers(len(classes))
        opacity = _stretch(rng, images[which], size)
        corner = _free_corner(rng, taken, opacity.shape)
        if corner is None:
            continue
        here = np.s_[
            corner[0] : corner[0] + opacity.shape[0],
            corner[1] : corner[1] + opacity.shape[1],
        ]
        taken[here] = True
        colour = _visible_colour(rng, canvas[here].mean(axis=(0, 1)))
        canvas[here] += opacity[..., None] * (colour - canvas[here])
        ink = opacity > _INK
        label_map[here][opacity > _EDGE] = IGNORED
        label_map[here][ink] = classes[which]
        rows, columns = ink.any(1).nonzero()[0], ink.any(0).nonzero()[0]
        labels.append(classes[which])
        boxes.append(
            [
                corner[1] + columns[0],
                corner[0] + rows[0],
                columns[-1] - columns[0] + 1,
                rows[-1] - rows[0] + 1,
            ]
        )
    grain = rng.normal(0, rng.uniform(5, 20), canvas.shape)
    image = (canvas + grain).clip(0, 255).astype(np.uint8)
    return Scene(image, np.array(labels), np.array(boxes), label_map)


def _resize(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bicubic, of one float plane."""
    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def _background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Clouds of random colour, shape (size, size, 3), about 0 to 255."""
    cells = rng.integers(2, 9)
    clouds = rng.normal(0, rng.uniform(10, 50), (3, cells, cells))
    colour = rng.uniform(30, 225, 3)
    return (
        np.stack([_resize(plane, size, size) for plane in clouds], axis=-1)
        + colour
    )


def _stretch(
    rng: np.random.Generator, digit: np.ndarray, size: int
) -> np.ndarray:
    """Turn a digit a little and give it a random size: opacity (h, w)."""
    height = size * np.exp(rng.uniform(np.log(0.2), np.log(0.5)))
    width = height * rng.uniform(0.7, 1.1)
    # 10 x 10 with an empty border, so that no stroke is cut off.
    image = Image.fromarray(np.pad(digit, 1).astype(np.float32))
    image = image.resize(
        (round(width), round(height)), Image.Resampling.BICUBIC
    )
    image = image.rotate(
        rng.uniform(-15, 15), Image.Resampling.BILINEAR, expand=True
    )
    return np.asarray(image).clip(0, 1)


def _free_corner(rng, taken, shape, tries: int = 40):
    """Top left corner of a free rectangle, or None if none was found."""
    for _ in range(tries):
        top = rng.integers(taken.shape[0] - shape[0] + 1)
        left = rng.integers(taken.shape[1] - shape[1] + 1)
        if not taken[top : top + shape[0], left : left + shape[1]].any():
            return top, left
    return None


def _visible_colour(rng, background, contrast: float = 70.0) -> np.ndarray:
    """A random colour that differs from the mean background."""
    while True:
        colour = rng.uniform(0, 255, 3)
        if abs(colour.mean() - background.mean()) > contrast:
            return colour
