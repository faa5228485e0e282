"""Where a segmentor's labels come from: label maps, or painted masks."""

from contextlib import ExitStack
from typing import Any, Callable, Dict, List, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...messages import StoppedRun
from ...structures.notes import Notes
from .decode_heads import IGNORED
from .maps import resize_labels
from .mask_heads import is_mask_head, reads_texts
from .observe import observe


def watch_labels(
    head: nn.Module,
    notes: Notes,
    stack: ExitStack,
    check: Callable[[Tensor, nn.Module], None],
) -> None:
    """Note the labels that a head's own loss is given.

    ``notes['labels']`` becomes a map (B, H, W), or ``notes['instances']`` a
    list of labelled masks.

    Args:
        head (nn.Module): The student's head.
        notes (dict): Filled while the student's loss runs; what another head
            noted stays.
        stack (ExitStack): Ends the observation.
        check (callable): Called with the label map and the head, before the
            head's loss where that computes it later.
    """

    def note(maps: Tensor) -> None:
        if 'labels' not in notes:
            notes['labels'] = maps.squeeze(1)
            check(notes['labels'], head)

    def note_stacked(arguments: Dict[str, Any], result: Any) -> None:
        note(result if isinstance(result, Tensor) else result[0])

    def note_samples(arguments: Dict[str, Any], result: Any) -> None:
        samples = arguments['batch_data_samples']
        note(torch.stack([one.gt_sem_seg.data for one in samples]))

    def note_instances(arguments: Dict[str, Any], result: Any) -> None:
        notes['instances'] = result

    owner = head
    if not is_mask_head(head):
        # K-Net's stages share the loss of an inner head
        owner = getattr(head, 'kernel_generate_head', head)
        method, noting = '_stack_batch_gt', note_stacked
    elif reads_texts(head):
        method, noting = 'loss', note_samples
    elif hasattr(head, '_seg_data_to_instance_data'):
        method, noting = '_seg_data_to_instance_data', note_samples
    else:
        method, noting = 'preprocess_gt', note_instances
    stack.enter_context(observe(owner, method, noting))


def label_size(notes: Notes) -> Tuple[int, int]:
    """Height and width of the labels."""
    if 'instances' in notes:
        return tuple(notes['instances'][0].masks.shape[1:])
    return tuple(_map(notes).shape[1:])


def labels_of_size(notes: Notes, size: Sequence[int]) -> Tensor:
    """Labels (B, *size), resized by nearest."""
    if 'instances' in notes:
        return painted_labels(notes['instances'], size, IGNORED)
    return resize_labels(_map(notes), tuple(size))


def _map(notes: Notes) -> Tensor:
    if 'labels' not in notes:
        raise StoppedRun(
            'the student computed its loss without its label maps passing '
            '_stack_batch_gt, where mmkd_logit reads them; this head is not '
            'supported, or this version of the toolbox differs from the '
            'tested ones (python -m mmkd_logit.doctor lists them)'
        )
    return notes['labels']


def painted_labels(
    instances: List[Any], size: Sequence[int], ignore_index: int
) -> Tensor:
    """Label maps from labelled masks.

    Args:
        instances (list): Per image ``labels`` (n,) and ``masks`` (n, H, W).
        size (Sequence[int]): Height and width of the result; masks are
            resized by nearest.
        ignore_index (int): Label of pixels that no mask covers.

    Returns:
        Tensor: Shape (B, *size), long. Where masks overlap the smallest one
        counts.
    """
    maps = []
    for one in instances:
        if len(one.masks) == 0:
            empty = one.labels.new_full(tuple(size), ignore_index)
            maps.append(empty.long())
            continue
        area = one.masks.sum((1, 2))
        # whole numbers are resized as real ones are, in a quarter of memory
        masks = one.masks[:, None].to(torch.uint8)
        covered = F.interpolate(masks, tuple(size), mode='nearest')[:, 0] > 0
        area = torch.where(covered, area[:, None, None].float(), torch.inf)
        smallest, which = area.min(0)
        label = one.labels[which].long()
        maps.append(label.masked_fill(smallest.isinf(), ignore_index))
    return torch.stack(maps)
