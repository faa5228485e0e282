"""The CUDA kernels in Triton's interpreter, which needs no GPU.

The interpreter is chosen before Triton is imported, so the comparison runs in
a process of its own: this file as a script.
"""

import itertools
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(what):
    pytest.importorskip('triton', minversion='3.0')
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    env = dict(os.environ, PYTHONPATH=path)
    if what == 'compare':
        env['TRITON_INTERPRET'] = '1'
    done = subprocess.run(
        [sys.executable, __file__, what],
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_kernels_equal_the_plain_form_in_the_interpreter():
    assert 'same' in run('compare')


def test_kernels_compile_without_a_gpu():
    assert run('build').count('built') == 4


def compare():
    import torch

    from mmkd_logit.ops import cuda
    from mmkd_logit.ops.first_use import FirstUse
    from tests.test_ops.questions import Spec, ask, by_autograd, opened

    generator = torch.Generator().manual_seed(0)

    def check(student, teacher, top, spec, rtol=1e-4, atol=1e-5):
        question = (student, teacher, top, spec)
        found = opened(cuda.group_kl(ask(*question), True))
        wanted = by_autograd(*question)
        torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol)
        assert found[2].stride() == student.stride()
        rows, parts, grad = opened(cuda.group_kl(ask(*question), False))
        same = dict(rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close((rows, parts), found[:2], **same)
        assert grad is None

    def draw(count, classes, by_class, dtype=torch.float32):
        shape = (classes, count) if by_class else (count, classes)
        logits = 3 * torch.randn(shape, generator=generator, dtype=dtype)
        return logits.t() if by_class else logits

    def check_all():
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
        every_other = torch.rand(5, 2, generator=generator)[:, 1]
        check(student, teacher, first, Spec(4.0, 0, 1.0, 0.0, every_other))
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
        # NaN and inf reach the value.
        student[4, 2], teacher[4, 1] = torch.nan, torch.inf
        spec = Spec(1.0, 0, 1.0, 0.0, 8.0)
        found = opened(cuda.group_kl(ask(student, teacher, first, spec), True))
        assert found[0][4].isnan() and found[0][:4].isfinite().all()

        half = [draw(4, 5, False).half() for _ in range(2)]
        check(*half, None, Spec(4.0), rtol=1e-3)
        brain = [draw(4, 5, False).bfloat16() for _ in range(2)]
        check(*brain, None, Spec(4.0), rtol=1e-2)
        # The gradient would be 2e5; the largest number of float16 is 65504.
        half[0].zero_()[0, 0] = 40.0
        half[1].zero_()[0, 1] = 40.0
        rows, _, grad = opened(
            cuda.group_kl(ask(*half, None, Spec(1.0, w_rest=2e5)), True)
        )
        assert grad.dtype == torch.float16 and rows.dtype == torch.float32
        assert grad[0, :2].tolist() == [65504.0, -65504.0]

    check_all()
    cuda.WHOLE, cuda.BLOCK = 2, 4  # longer rows go block by block
    check_all()
    cuda.WHOLE, cuda.BLOCK = 4096, 4096
    for k, kl_type in ((0, 'forward'), (1, 'forward'), (3, 'both')):
        student, teacher = draw(2, 150_001, False), draw(2, 150_001, False)
        top = teacher.topk(k, dim=1)[1] if k else None
        spec = Spec(4.0, 0, 1.0, 1.3, 8.0, kl_type)
        question = (student, teacher, top, spec)
        found = opened(cuda.group_kl(ask(*question), True))
        exact = by_autograd(student.double(), teacher.double(), top, spec)
        # as near as the plain form in float32
        close = dict(rtol=1e-5, atol=2e-5, check_dtype=False)
        torch.testing.assert_close(found, exact, **close)
    first_use = FirstUse(cuda.group_kl, 'the kernel')
    with warnings.catch_warnings():
        warnings.simplefilter('error', UserWarning)
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            half = [draw(4, 7, False).to(dtype) for _ in range(2)]
            assert first_use(ask(*half, None, Spec(4.0)), True) is not None
    print('same')


def build():
    """Compile both kernels for compute capability 9.0, in two variants."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from mmkd_logit.ops import cuda

    types = dict(student='*fp16', teacher='*fp16', grad_at='*fp16')
    types.update(top='*i64', scale='fp32', tau='fp32', unit='fp32')
    target = GPUTarget('cuda', 90, 32)
    for kernel, block, rows in (
        (cuda.group_kl_kernel, 128, 8),
        (cuda.long_group_kl_kernel, 4096, 4),
    ):
        for k, lead, reverse in ((0, 0, 0.0), (3, 1, 0.5)):
            fixed = dict(HIGH_PER_ROW=True, TOP_PER_ROW=False)
            fixed.update(REST_PER_ROW=True, K=k, LEAD=lead)
            fixed.update(FORWARD=1.0 - reverse, REVERSE=reverse)
            fixed.update(CROSS_ENTROPY=not k, NEED_GRAD=True, LIMIT=65504.0)
            fixed.update(WIDE=k > 0, ROWS=rows, BLOCK=block)
            signature = {}
            for name in kernel.arg_names:
                kind = types.get(name, 'i32')
                if name in fixed:
                    kind = 'constexpr'
                elif name.endswith('_value'):
                    kind = 'fp32'
                elif name.endswith('_at') and name not in types:
                    kind = '*fp32'
                signature[name] = kind
            source = ASTSource(kernel, signature, constexprs=fixed)
            code = triton.compile(source, target=target).asm
            print('built', len(code['cubin']))


if __name__ == '__main__':
    globals()[sys.argv[1]]()
