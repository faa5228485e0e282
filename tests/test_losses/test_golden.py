"""Values and gradients of the authors' code; see ``golden.py``."""

import json

import pytest
import torch

from mmkd_logit.heads.sdd.cells import pool_cells, scale_decoupled_rows
from mmkd_logit.heads.upstream.maps import (
    kept_pixels,
    resize_labels,
    resize_logits,
)
from mmkd_logit.losses import (
    DKDLoss,
    KDLoss,
    dist_loss,
    dkd_loss,
    gdkd3_loss,
    gdkd_loss,
    kd_loss,
    ldrld_loss,
    nkd_loss,
    standardize,
)
from tests.test_losses.golden import (
    FIRST,
    SECOND,
    assert_golden,
    cases,
    families,
    read,
    row_losses,
    rows_and_parts,
)

ROWS = (
    'kd',
    'dkd',
    'nkd',
    'nkd_sdd_repo',
    'gdkd',
    'gdkd3',
    'ldrld',
    'ls_kd',
    'ls_dkd',
    'hazard_kd',
    'hazard_dkd',
    'hazard_nkd',
    'hazard_gdkd',
    'hazard_ls',
)
#: Cases of the second set that other losses and readers compare.
ELSEWHERE = ('kdqfl', 'bckd', 'hazard_kdqfl', 'crosskd_align', 'mlkd_full')


def test_a_clone_of_the_project_alone_has_cases_of_every_family():
    found = families(FIRST[0])
    assert found >= {*ROWS, 'sdd_kd', 'sdd_dkd', 'sdd_nkd', 'hazard_sdd'}
    assert found >= {'seg_kd', 'seg_dkd', 'seg_gdkd', 'mmrazor_dkd'}


@pytest.mark.parametrize('case', cases(FIRST, *ROWS))
def test_rows(case):
    student = read(case, 'logits_s', grad=True)
    prefix = 'ref_' if case['id'].startswith('hazard') else ''
    expected = read(case, f'{prefix}loss')
    if case['id'] == 'hazard_ls/c02':  # one class: nothing to standardize
        pytest.skip('no reference value exists for this case')
    rows = row_losses(
        case, student, read(case, 'logits_t'), read(case, 'target')
    )
    loss = rows.sum() / max(len(rows), 1)
    loss.backward()
    if expected is None:
        # the authors' code fails and the formula has no finite value, or
        # there are no rows: nothing but a usable gradient can be asked for
        assert student.grad.isfinite().all()
        return
    assert_golden(loss, expected)
    assert_golden(student.grad, read(case, f'{prefix}grad_s'))


@pytest.mark.parametrize(
    'case', cases(FIRST, 'dkd', 'ls_dkd', 'gdkd', 'gdkd3')
)
def test_parts_come_from_the_same_pass(case):
    h = case['hyperparameters']
    student, teacher = read(case, 'logits_s'), read(case, 'logits_t')
    if h.get('logit_stand'):
        student, teacher = standardize(student), standardize(teacher)
    if student.shape[1] < 3:
        pytest.skip('the class refuses two classes, the function does not')
    from mmkd_logit import losses

    names = dict(
        tckd='tckd',
        nckd='nckd',
        high='high',
        low_top='low_top',
        low_other='low_other',
    )
    tau = h['temperature']
    if 'alpha' in h:
        loss = DKDLoss(tau=tau, alpha=h['alpha'], beta=h['beta'])
    else:
        cls = losses.GDKD3Loss if case['loss'] == 'gdkd3' else losses.GDKDLoss
        extra = {k: h[k] for k in ('strategy', 'kl_type') if k in h}
        loss = cls(
            tau=tau, k=h['k'], w0=h['w0'], w1=h['w1'], w2=h['w2'], **extra
        )
    _, parts = loss.with_parts(student, teacher, read(case, 'target'))
    compared = 0
    for ours, theirs in names.items():
        expected = read(case, theirs)
        if expected is not None and ours in parts:
            assert_golden(parts[ours], expected)
            compared += 1
    assert compared >= 2


def check_cells(case, student, teacher):
    """The loss of pooled cells, and its backward pass."""
    pair = scale_decoupled_rows(student, teacher, read(case, 'target'))
    rows = row_losses(
        case, pair.student_logits, pair.teacher_logits, pair.labels
    )
    loss = (rows * pair.weight).mean()
    loss.backward()
    assert_golden(loss, read(case, 'loss'))


@pytest.mark.parametrize('case', cases(FIRST, 'sdd_kd', 'sdd_dkd', 'sdd_nkd'))
def test_scale_decoupled_from_maps_to_gradients(case):
    scales = tuple(json.loads(case['hyperparameters']['M']))
    if read(case, 'feat_s') is None:  # here from the cells' logits on
        student = read(case, 'patch_logits_s', grad=True)
        teacher = read(case, 'patch_logits_t')
        check_cells(case, student, teacher)
        assert_golden(student.grad, read(case, 'grad_patch_logits_s'))
        return
    leaves = {
        key: read(case, key, grad=True)
        for key in ('feat_s', 'weight_s', 'bias_s')
    }

    def logits(feat, weight, bias):
        cells = pool_cells(feat, scales)  # (B, C_in, cells)
        return torch.einsum('bcn,kc->bkn', cells, weight) + bias[:, None]

    student = logits(*leaves.values())
    student.retain_grad()
    teacher = logits(
        *(read(case, f'{k}_t') for k in ('feat', 'weight', 'bias'))
    )
    assert_golden(student, read(case, 'patch_logits_s'))
    assert_golden(teacher, read(case, 'patch_logits_t'))
    check_cells(case, student, teacher)
    assert_golden(student.grad, read(case, 'grad_patch_logits_s'))
    for key, leaf in leaves.items():
        assert_golden(leaf.grad, read(case, f'grad_{key}'))


@pytest.mark.parametrize('case', cases(FIRST, 'hazard_sdd'))
def test_scale_decoupled_hazards(case):
    expected = read(case, 'ref_loss')
    if expected is None:
        pytest.skip('a diverged student has no reference value')
    student = read(case, 'patch_logits_s', grad=True)
    pair = scale_decoupled_rows(
        student, read(case, 'patch_logits_t'), read(case, 'target')
    )
    rows = row_losses(
        case, pair.student_logits, pair.teacher_logits, pair.labels
    )
    loss = (rows * pair.weight).mean()
    loss.backward()
    assert_golden(loss, expected)
    assert_golden(student.grad, read(case, 'ref_grad_s'))


@pytest.mark.parametrize(
    'case', cases(FIRST, 'seg_kd', 'seg_dkd', 'seg_gdkd', 'hazard_seg')
)
def test_maps_of_segmentation(case):
    h = case['hyperparameters']
    if read(case, 'loss') is None and read(case, 'ref_loss') is None:
        pytest.skip('the settings are wrong; no reference value exists')
    leaf = read(case, 'logits_s', grad=True)
    student, teacher = leaf, read(case, 'logits_t')
    labels = read(case, 'target')
    if h['resize_out']:
        student, teacher = (
            resize_logits(x, labels.shape[1:], align_corners=True)
            for x in (student, teacher)
        )
    labels = resize_labels(labels, student.shape[2:])
    ignore_index = h['ignore_index']
    if h.get('ignore_incorrect'):
        wrong = teacher.argmax(1) != labels
        labels, ignore_index = labels.masked_fill(wrong, -1), -1
    rows, kept = kept_pixels(student, labels, ignore_index)
    rows = row_losses(
        case, rows, kept_pixels(teacher, labels, ignore_index)[0], kept
    )
    loss = rows.sum() / max(len(rows), 1)
    loss.backward()
    names = ('loss', 'grad_s')
    if read(case, 'ref_loss') is not None:
        names = ('ref_loss', 'ref_grad_s')
    elif read(case, 'ref_loss_unclamped') is not None:
        # the authors clamp probabilities; the formula has no such limit
        names = ('ref_loss_unclamped', 'ref_grad_s_unclamped')
    for found, name in zip((loss, leaf.grad), names):
        assert_golden(found, read(case, name))


@pytest.mark.parametrize('case', cases(FIRST, 'mmrazor_kl', 'mmrazor_dkd'))
def test_mmrazor_with_the_reduction_it_really_computes(case):
    h = case['hyperparameters']
    student = read(case, 'logits_s', grad=True)
    teacher, labels = read(case, 'logits_t'), read(case, 'target')
    batch = len(student)
    if case['loss'] == 'mmrazor_dkd' or 'alpha' in h:
        rows = dkd_loss(
            student, teacher, labels, h['tau'], h['alpha'], h['beta']
        )
        # its `none` and `mean` are the sum as well
        loss = rows.mean() if h['reduction'] == 'batchmean' else rows.sum()
    else:
        flat = [x.movedim(1, -1).flatten(0, -2) for x in (student, teacher)]
        total = kd_loss(*flat, h['tau']).sum()
        divisor = dict(batchmean=batch, mean=student.numel()).get(
            h['reduction'], 1
        )
        loss = total / divisor
    loss = h['loss_weight'] * loss
    loss.backward()
    expected = read(case, 'loss')
    if expected is None or expected.dim():
        expected = read(case, 'loss_elements').sum()
    assert_golden(loss, expected)
    assert_golden(student.grad, read(case, 'grad_s'))


@pytest.mark.parametrize('case', cases(SECOND, besides=ELSEWHERE, key='loss'))
def test_rows_and_parts_of_the_second_set(case):
    student = read(case, 'logits_s', grad=True)
    teacher, labels = read(case, 'logits_t'), read(case, 'target')
    rows, parts = student, teacher
    if labels is not None:  # ignored rows leave before a loss
        kept = labels != 255
        rows, parts, labels = student[kept], teacher[kept], labels[kept]
    rows, parts = rows_and_parts(case, rows, parts, labels)
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


@pytest.mark.parametrize('case', cases(SECOND, key='ref_loss_limit'))
def test_official_factor_of_the_three_limits(case):
    """Where the authors' factor is 1/a, ours is 1/a^2."""
    h = case['hyperparameters']
    rows, _ = rows_and_parts(
        case, read(case, 'logits_s'), read(case, 'logits_t'), None
    )
    exponent = h['alpha'] or h['beta']
    assert_golden(exponent * rows.mean(), read(case, 'loss'))


@pytest.mark.parametrize('case', cases(SECOND, key='ref_loss_noeps'))
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


# Inputs that need no file: sections 3.3 and 3.4 of the project's reference.

b, j = torch.meshgrid(
    torch.arange(4.0, dtype=torch.float64),
    torch.arange(10.0, dtype=torch.float64),
    indexing='ij',
)
STUDENT = 3 * torch.sin(0.7 * b + 1.3 * j + 0.5)
TEACHER = 4 * torch.cos(0.9 * b - 1.1 * j + 0.05 * j**2 + 0.2)
LABELS = torch.tensor([0, 1, 7, 5])


@pytest.mark.parametrize(
    'function, value, gradient, norm',
    [
        (
            lambda s, t, y: kd_loss(s, t, 4.0),
            5.9727779760,
            0.0114155683,
            0.5513921430,
        ),
        (
            lambda s, t, y: dkd_loss(s, t, y, 4.0, 1.0, 8.0),
            52.4154409192,
            0.0803186133,
            4.7806745552,
        ),
        (
            lambda s, t, y: dkd_loss(s, t, y, 1.0, 1.0, 0.5),
            2.0462689779,
            0.0002295735,
            0.3029926454,
        ),
        (
            lambda s, t, y: nkd_loss(s, t, y, 1.0, 1.5),
            7.3115583313,
            0.0004497602,
            0.6418702221,
        ),
        (
            lambda s, t, y: gdkd_loss(s, t, 4.0, 5, 1.0, 1.0, 8.0),
            30.1382155375,
            -0.3943877664,
            4.3686978856,
        ),
        (
            lambda s, t, y: gdkd_loss(
                s, t, 4.0, 5, 1.0, 1.0, 8.0, strategy='worst'
            ),
            33.1123811365,
            -0.0287894247,
            4.5491910689,
        ),
        (
            lambda s, t, y: gdkd_loss(
                s, t, 4.0, 5, 1.0, 1.0, 8.0, kl_type='reverse'
            ),
            27.8934928580,
            -0.3402690865,
            3.8000085224,
        ),
        (
            lambda s, t, y: gdkd3_loss(s, t, 4.0, 4, 1.0, 1.0, 8.0),
            35.2932407341,
            -0.1436301577,
            4.5414369983,
        ),
        (
            lambda s, t, y: ldrld_loss(s, t, 4.0, 7, 10.5, 7.0),
            32.0199243228,
            1.0280961799,
            5.1752251382,
        ),
        (
            lambda s, t, y: 9 * kd_loss(standardize(s), standardize(t), 2.0),
            8.1871648497,
            0.1072324473,
            0.6120657060,
        ),
    ],
)
def test_official_values_of_a_written_down_batch(
    function, value, gradient, norm
):
    student = STUDENT.clone().requires_grad_()
    loss = function(student, TEACHER, LABELS).mean()
    loss.backward()
    # the reference has ten decimals
    torch.testing.assert_close(loss.item(), value, atol=1e-9, rtol=0)
    torch.testing.assert_close(
        student.grad[0, 3].item(), gradient, atol=1e-9, rtol=0
    )
    torch.testing.assert_close(
        student.grad.norm().item(), norm, atol=1e-9, rtol=0
    )


def test_the_classes_give_the_functions_mean():
    kd = KDLoss(tau=4.0)(STUDENT, TEACHER)
    torch.testing.assert_close(kd.item(), 5.9727779760, atol=1e-9, rtol=0)
    dkd = DKDLoss(tau=4.0, alpha=1.0, beta=8.0)(STUDENT, TEACHER, LABELS)
    torch.testing.assert_close(dkd.item(), 52.4154409192, atol=1e-9, rtol=0)
