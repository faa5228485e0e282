"""Values and gradients of the authors' code for the second set of losses.

A selection of the cases lies in ``tests/data/golden2``, all of them in
``../shared/golden2``. ``hazard_*`` cases are inputs where that code
overflows, ``ref_*`` the same formula in log space.
"""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch

from mmkd_logit.losses import (
    abkd_loss,
    dist_loss,
    gram_loss,
    kd_loss,
    rld_loss,
    standardize,
    wkd_loss,
    wsld_loss,
    wttm_loss,
)
from tests.conftest import SHARED

HERE = Path(__file__).parents[1] / 'data' / 'golden2'
FOLDERS = [folder for folder in (HERE, SHARED / 'golden2') if folder.is_dir()]
#: Cases of other losses and of readers.
ELSEWHERE = ('kdqfl', 'bckd', 'hazard_kdqfl', 'crosskd_align', 'mlkd_full')


def cases(key='loss'):
    """Cases that have this key, of both folders."""
    found = []
    for folder in FOLDERS:
        index = json.loads((folder / 'index.json').read_text())['cases']
        for case in index:
            name = f'{folder.parent.name}-{case["id"]}'
            wanted = any(x.endswith(key) for x in case['keys'])
            if wanted and case['id'].split('/')[0] not in ELSEWHERE:
                found.append(pytest.param(dict(case, folder=folder), id=name))
    return found


@lru_cache(maxsize=None)
def arrays(path):
    return np.load(path)


def read(case, key, grad=False):
    file, name = arrays(case['folder'] / case['file']), case['prefix'] + key
    if name not in file:
        return None
    tensor = torch.tensor(file[name])
    return tensor.requires_grad_(grad) if grad else tensor


def flat(maps):
    """Pixels of a map as rows; rows stay."""
    return maps.movedim(1, -1).flatten(0, -2) if maps.dim() == 4 else maps


def row_losses(case, student, teacher, labels):
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


def assert_golden(actual, expected):
    np.testing.assert_allclose(
        actual.detach().numpy(), expected.numpy(), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize('case', cases())
def test_value_gradient_and_parts(case):
    student = read(case, 'logits_s', grad=True)
    teacher, labels = read(case, 'logits_t'), read(case, 'target')
    rows, parts = student, teacher
    if labels is not None:  # ignored rows leave before a loss
        kept = labels != 255
        rows, parts, labels = student[kept], teacher[kept], labels[kept]
    rows, parts = row_losses(case, rows, parts, labels)
    factor = case['hyperparameters'].get('loss_weight', 1.0)
    loss = factor * rows.mean()
    loss.backward()
    prefix = 'ref_' if case['id'].startswith('hazard') else ''
    limit = '_limit' if read(case, 'ref_loss_limit') is not None else ''
    if limit:
        prefix = 'ref_'
    assert_golden(loss, read(case, f'{prefix}loss{limit}'))
    assert_golden(student.grad, read(case, f'{prefix}grad_s{limit}'))
    for name, part in parts.items():
        expected = read(case, name)
        if expected is None or len(rows.shape) and len(rows) < len(teacher):
            continue
        if expected.dim() == 0:
            part = factor * part.mean()
        assert_golden(part, expected)


@pytest.mark.parametrize('case', cases('ref_loss_limit'))
def test_official_factor_of_the_three_limits(case):
    """Where the authors' factor is 1/a, ours is 1/a^2."""
    h = case['hyperparameters']
    rows, _ = row_losses(
        case, read(case, 'logits_s'), read(case, 'logits_t'), None
    )
    exponent = h['alpha'] or h['beta']
    assert_golden(exponent * rows.mean(), read(case, 'loss'))


@pytest.mark.parametrize('case', cases('ref_loss_noeps'))
def test_correlations_without_eps(case):
    h = case['hyperparameters']
    student = read(case, 'logits_s', grad=True)
    loss = dist_loss(
        student,
        read(case, 'logits_t'),
        h['tau'],
        h['beta'],
        h['gamma'],
        eps=0.0,
    )
    loss.backward()
    assert_golden(loss, read(case, 'ref_loss_noeps'))
    assert_golden(student.grad, read(case, 'ref_grad_s_noeps'))
