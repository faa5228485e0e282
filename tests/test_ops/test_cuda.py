"""The CUDA kernel in Triton's interpreter, which needs no GPU.

The interpreter is chosen before Triton is imported, so the comparison runs in
a process of its own: this file as a script.
"""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_kernel_equals_the_plain_form_in_the_interpreter():
    pytest.importorskip('triton', minversion='3.0')
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run(
        [sys.executable, __file__],
        env=dict(os.environ, TRITON_INTERPRET='1', PYTHONPATH=path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'same' in done.stdout


def compare():
    import torch

    from mmkd_logit.ops import cuda
    from tests.test_ops.questions import Spec, ask, by_autograd, opened

    generator = torch.Generator().manual_seed(0)

    def check(student, teacher, top, spec, rtol=1e-4, atol=1e-5):
        question = (student, teacher, top, spec)
        found = opened(cuda.group_kl(ask(*question), True))
        rows, parts, grad = found
        found = (rows, parts, grad.to(student.dtype))
        wanted = by_autograd(*question)
        torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol)
        assert grad.stride() == student.stride()

    def draw(count, classes, by_class, dtype=torch.float32):
        shape = (classes, count) if by_class else (count, classes)
        logits = 3 * torch.randn(shape, generator=generator, dtype=dtype)
        return logits.t() if by_class else logits

    for k, lead, kl_type, by_class in itertools.product(
        [0, 1, 3], [0, 1], ['forward', 'reverse', 'both'], [False, True]
    ):
        student, teacher = draw(5, 7, by_class), draw(5, 7, by_class)
        top = teacher.topk(k, dim=1)[1] if k else None
        spec = Spec(2.0, min(lead, k), 0.7, 1.3, 2.1, kl_type)
        check(student, teacher, top, spec)

    student, teacher = draw(5, 7, False), draw(5, 7, False)
    first = teacher.topk(1, dim=1)[1]
    per_row = torch.rand(3, 5, generator=generator)
    check(student, teacher, first, Spec(4.0, 0, *per_row))
    spec = Spec(1.0, 0, 1.0, 0.0, 1.5, cross_entropy=True)
    check(student, teacher, first, spec)
    check(student, teacher, None, spec)

    # Extremes: margins of 1e4, a masked class, a constant row, one group.
    student[0, first[0]] = 1e4
    student[1, first[1]] = -1e4
    teacher[2, first[2]] = 1e4
    student[:, 6] = teacher[:, 6] = -torch.inf
    first = first.clamp(max=5)
    student[3] = 0.0
    check(student, teacher, first, Spec(1.0, 0, 1.0, 0.0, 8.0))
    check(student, teacher, None, Spec(1.0))
    small = draw(40, 3, True), draw(40, 3, True)
    check(*small, small[1].topk(1, dim=1)[1], Spec(4.0, 0, 1.0, 0.0, 8.0))
    student[4] = teacher[4] = -torch.inf
    check(student, teacher, first, Spec(1.0, 0, 1.0, 0.0, 8.0))
    half = [draw(4, 5, False).half() for _ in range(2)]
    check(*half, None, Spec(4.0), rtol=1e-3)
    print('same')


if __name__ == '__main__':
    compare()
