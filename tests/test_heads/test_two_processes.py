"""Two processes with half a batch each give the terms of one."""

import os

import pytest
import torch
import torch.distributed as dist

pytest.importorskip('mmdet')

from mmkd_logit.heads import DETRLogits, SparseRoILogits
from mmkd_logit.losses import KDLoss
from tests.toy_detectors import detection_batch, read_all
from tests.toy_detrs import detr
from tests.toy_sparse import sparse

#: Objects of each image; in the second split one process has none.
SPLITS = ([2, 1, 3, 1], [0, 0, 3, 1])


def terms(objects, part):
    """Value of each term on some images of a batch."""
    values = {}
    for student, teacher, reader in (
        (detr('dino'), detr('dino', 1), DETRLogits()),
        (sparse(), sparse(seed=1), SparseRoILogits()),
    ):
        inputs, samples = detection_batch(student, objects)
        _, pairs = read_all(
            reader, student, teacher, inputs[part], samples[part]
        )
        for prefix, pair in pairs.items():
            name = f'{type(reader).__name__} {prefix}'
            values[name] = KDLoss(use_sigmoid=True)(*pair).detach()
    return values


def _one_of_two(rank, folder):
    store = dist.FileStore(os.path.join(folder, 'store'), 2)
    dist.init_process_group('gloo', store=store, rank=rank, world_size=2)
    part = slice(2 * rank, 2 * rank + 2)
    values = [terms(objects, part) for objects in SPLITS]
    torch.save(values, os.path.join(folder, f'{rank}.pth'))
    dist.destroy_process_group()
    os._exit(0)  # threads of gloo can outlive the interpreter and abort it


@pytest.mark.slow
def test_two_processes_give_the_terms_of_one(tmp_path):
    torch.multiprocessing.spawn(_one_of_two, (str(tmp_path),), nprocs=2)
    halves = [torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1)]
    for objects, first, second in zip(SPLITS, *halves):
        whole = terms(objects, slice(None))
        assert len(whole) == 5
        for name, value in whole.items():
            assert first[name] != second[name] and value > 0
            # the mean over processes, as their gradients are joined
            torch.testing.assert_close(
                (first[name] + second[name]) / 2, value, msg=name
            )
