"""The question to the grouped KL, and its plain form by hand."""

import itertools
import math

import pytest
import torch

from mmkd_logit.ops.group_kl import GROUP_KL, PARTS, group_kl
from tests.test_ops.questions import Spec, by_autograd
from tests.toys import seeded

# q = (4, 3, 1)/8 against a uniform student; class 0 is the top group
TEACHER = torch.tensor([[4.0, 3.0, 1.0]]).log()
STUDENT = torch.zeros(1, 3)
TOP = torch.tensor([[0]])


def test_parts_by_hand():
    # masses (1/2, 1/2) against (1/3, 2/3): ln(9/8)/2               = 0.058892
    # inside (3/4, 1/4) against (1/2, 1/2): 3/4 ln 3/2 + 1/4 ln 1/2 = 0.130812
    rows, parts = group_kl(
        STUDENT, TEACHER, 1.0, top=TOP, w_high=2.0, w_top=9.0, w_rest=3.0
    )
    values = [parts[name].item() for name in PARTS]
    assert values == pytest.approx([0.058892, 0.0, 0.130812], abs=1e-6)
    assert rows.item() == pytest.approx(2 * 0.058892 + 3 * 0.130812, abs=1e-5)


def test_cross_entropy_by_hand():
    # -1/2 ln 1/3 = 0.549306, and ln 2 inside the rest
    _, parts = group_kl(STUDENT, TEACHER, 1.0, top=TOP, cross_entropy=True)
    assert parts['high'].item() == pytest.approx(math.log(3) / 2, rel=1e-6)
    assert parts['low_rest'].item() == pytest.approx(math.log(2), rel=1e-6)


@pytest.mark.parametrize('kl_type', ['reverse', 'both'])
def test_a_cross_entropy_in_another_direction_is_refused(kl_type):
    with pytest.raises(ValueError, match=f"kl_type='forward'; got '{kl_type}"):
        group_kl(STUDENT, TEACHER, 1.0, kl_type=kl_type, cross_entropy=True)


@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float64, torch.float16, torch.bfloat16]
)
@pytest.mark.parametrize(
    'k, kl_type, cross_entropy',
    [
        (*case, False)
        for case in itertools.product(
            [0, 1, 3], ['forward', 'reverse', 'both']
        )
    ]
    + [(0, 'forward', True), (1, 'forward', True), (3, 'forward', True)],
)
def test_value_and_gradient_are_those_of_the_plain_form(
    dtype, k, kl_type, cross_entropy
):
    student, teacher = 3 * torch.randn(2, 6, 8, generator=seeded(0))
    student, teacher = student.to(dtype), teacher.to(dtype)
    top = teacher.float().topk(k)[1] if k else None
    spec = Spec(2.0, 0, 0.7, 1.3, 2.1, kl_type, cross_entropy)
    leaf = student.clone().requires_grad_()
    rows, parts = group_kl(leaf, teacher, spec.tau, top, *spec[1:])
    rows.sum().backward()
    wanted = by_autograd(student, teacher, top, spec)
    found = (rows.detach(), torch.stack([parts[n] for n in PARTS]), leaf.grad)
    torch.testing.assert_close(found, wanted)


def test_the_teacher_gets_no_gradient():
    student, teacher = torch.randn(2, 3, 4, generator=seeded(1))
    student.requires_grad_(), teacher.requires_grad_()
    group_kl(student, teacher, 1.0)[0].sum().backward()
    assert student.grad is not None and teacher.grad is None


def test_backends_come_before_the_plain_form():
    names = [backend.__module__ for backend in GROUP_KL.backends]
    rooms = [name.rpartition('.')[2] for name in names]
    assert rooms == ['group_kl', 'cpu', 'chunked']
