"""Inputs, values and gradients of the authors' code, in float64.

A part of the cases lies in ``tests/data``, whose README says where each comes
from; where ``../shared/golden`` and ``../shared/golden2`` are at hand, all of
them are compared. ``hazard_*`` cases are inputs where that code overflows;
``ref_*`` is the same formula in log space.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import pytest
import torch
from torch import Tensor

from mmkd_logit.losses import (
    abkd_loss,
    dist_loss,
    dkd_loss,
    gdkd3_loss,
    gdkd_loss,
    gram_loss,
    kd_loss,
    ldrld_loss,
    nkd_loss,
    rld_loss,
    standardize,
    wkd_loss,
    wsld_loss,
    wttm_loss,
)
from tests.conftest import SHARED

Case = Dict[str, Any]
HERE = Path(__file__).parents[1] / 'data'
#: Folders of the two sets; a part of the cases lies in the project, all of
#: them beside it.
FIRST = (HERE, SHARED / 'golden')
SECOND = (HERE / 'golden2', SHARED / 'golden2')


def families(folder: Path) -> set:
    """Names before the slash in the cases of a folder."""
    index = json.loads((folder / 'index.json').read_text())['cases']
    return {case['id'].split('/')[0] for case in index}


def cases(
    folders: Tuple[Path, ...],
    *wanted: str,
    besides: Tuple[str, ...] = (),
    key: str = '',
) -> List[Any]:
    """Parameters for pytest: every case once, from the first folder.

    Args:
        folders (tuple[Path]): Of a set.
        *wanted (str): Families; without any, all of them.
        besides (tuple[str]): Families that are left out.
        key (str): End of the name of an array that a case must have.
    """
    found: Dict[str, Case] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        index = json.loads((folder / 'index.json').read_text())['cases']
        for case in index:
            family = case['id'].split('/')[0]
            if wanted and family not in wanted or family in besides:
                continue
            if any(name.endswith(key) for name in case.get('keys', [''])):
                found.setdefault(case['id'], dict(case, folder=folder))
    return [pytest.param(case, id=name) for name, case in found.items()]


@lru_cache(maxsize=None)
def arrays(path: Path) -> Any:
    return np.load(path)


def read(case: Case, key: str, grad: bool = False) -> Optional[Tensor]:
    """An array of a case; None where the authors' code gave none."""
    if key in case.get('values', {}):
        return torch.tensor(case['values'][key], dtype=torch.float64)
    file, name = arrays(case['folder'] / case['file']), case['prefix'] + key
    if name not in file:
        return None
    tensor = torch.tensor(file[name])
    if not tensor.is_floating_point():
        tensor = tensor.long()
    return tensor.requires_grad_(grad) if grad else tensor


def assert_golden(actual: Tensor, expected: Tensor) -> None:
    np.testing.assert_allclose(
        actual.detach().numpy(), expected.numpy(), rtol=1e-9, atol=1e-12
    )


def row_losses(case, student, teacher, labels):
    """Our function for a case, one value per row."""
    h, name = case['hyperparameters'], case['loss']
    tau = next(h[k] for k in ('temperature', 'temp', 'tau', 'T') if k in h)
    if h.get('logit_stand'):
        student, teacher = standardize(student), standardize(teacher)
    if name.endswith('nkd') or name == 'nkd_fullmask':
        return nkd_loss(
            student,
            teacher,
            labels,
            tau,
            h['gamma'],
            nontarget_includes_target=name != 'nkd',
        )
    if name in ('dkd', 'sdd_dkd', 'seg_dkd') or name.startswith('dkd'):
        return dkd_loss(student, teacher, labels, tau, h['alpha'], h['beta'])
    if name in ('gdkd', 'seg_gdkd'):
        return gdkd_loss(
            student,
            teacher,
            tau,
            h['k'],
            h['w0'],
            h['w1'],
            h['w2'],
            strategy=h.get('strategy', 'best'),
            kl_type=h.get('kl_type', 'forward'),
        )
    if name == 'gdkd3':
        return gdkd3_loss(
            student, teacher, tau, h['k'], h['w0'], h['w1'], h['w2']
        )
    if name == 'ldrld':
        return ldrld_loss(
            student, teacher, tau, h['depth'], h['alpha'], h['beta']
        )
    assert 'kd' in name, name
    return kd_loss(student, teacher, tau)


def flat(maps):
    """Pixels of a map as rows; rows stay."""
    return maps.movedim(1, -1).flatten(0, -2) if maps.dim() == 4 else maps


def rows_and_parts(case, student, teacher, labels):
    """Our values for a case, with its parts where they are known."""
    h, name = case['hyperparameters'], case['loss']
    tau = h.get('temperature', h.get('tau', 1.0))
    if h.get('logit_stand'):
        student, teacher = standardize(student), standardize(teacher)
    if name in ('dist', 'dist_sigmoid'):
        return dist_loss(
            flat(student),
            flat(teacher),
            tau,
            h['beta'],
            h['gamma'],
            h.get('use_sigmoid', False),
            with_parts=True,
        )
    if name == 'cwd':
        pixels = (x.flatten(2).flatten(0, 1) for x in (student, teacher))
        return kd_loss(*pixels, tau), {}
    if name in ('ttm', 'wttm'):
        rows, parts = wttm_loss(
            student, teacher, h['ttm_l'], name == 'wttm', with_parts=True
        )
        return rows, dict(ref_weight=parts['power_sum'], ref_kl=parts['kl'])
    if name == 'rld':
        return rld_loss(
            student,
            teacher,
            labels,
            tau,
            h['alpha_temperature'],
            h['alpha'],
            h['beta'],
            with_parts=True,
        )
    if name == 'abkd':
        return abkd_loss(student, teacher, tau, h['alpha'], h['beta']), {}
    if name == 'wkd_l':
        rows, parts = wkd_loss(
            student,
            teacher,
            labels,
            read(case, 'cost'),
            tau,
            h['gamma'],
            h['sinkhorn_lambda'],
            h['sinkhorn_iter'],
            with_parts=True,
        )
        return rows, dict(
            loss_target=parts['target'], loss_wd=parts['transport']
        )
    if name == 'wsld':
        rows, parts = wsld_loss(student, teacher, labels, tau, with_parts=True)
        return rows, dict(ref_weight=parts['row_weight'])
    if name in ('mlkd_cc', 'mlkd_bc'):
        over = 'classes' if name == 'mlkd_cc' else 'rows'
        return gram_loss(student, teacher, tau, over), {}
    assert name == 'mlkd_kd', name
    return kd_loss(student, teacher, tau), {}
