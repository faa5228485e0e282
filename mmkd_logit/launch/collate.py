"""Batches of images that come in several views."""

from typing import Any, Dict, List

from ..messages import WrongValue
from ..registry import FUNCTIONS


@FUNCTIONS.register_module()
def collate_views(samples: List[Dict[str, Any]]) -> Dict[str, list]:
    """Put the views of a batch one behind the other.

    With MMPretrain's ``MultiView`` in the pipeline an image arrives as a list
    of views. A batch of B images with V views becomes one of V * B images: all
    first views, then all second ones, each with the annotations of its image.
    The model's own preprocessor and loss take it as any other batch, and
    ``ClsLogits(batch_part=(0, V))`` reads the rows of the first views.

    Args:
        samples (list[dict]): ``inputs``, a list of V images, shape (C, H, W)
            each, and ``data_samples``.

    Returns:
        dict[str, list]: ``inputs`` and ``data_samples``, V * B of each.

    Raises:
        ValueError: If an image has no views, or others have more of them.
    """
    views = [sample['inputs'] for sample in samples]
    counts = {
        len(each) if isinstance(each, (list, tuple)) else 0 for each in views
    }
    if len(counts) > 1 or 0 in counts:
        raise WrongValue(
            'collate_views needs a list of as many views for each image, got '
            f'{sorted(counts)}; put MultiView into the pipeline, or leave '
            '`collate_fn` out'
        )
    return dict(
        inputs=[image for view in zip(*views) for image in view],
        data_samples=[
            sample['data_samples'] for _ in views[0] for sample in samples
        ],
    )
