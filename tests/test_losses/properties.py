"""Random rows, and properties that the losses on them share."""

from typing import Callable, Tuple

import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from tests.toys import seeded

#: From logits of student and teacher, labels and tau to rows or a scalar.
Loss = Callable[[Tensor, Tensor, Tensor, float], Tensor]
#: Seed, rows, classes, size of the logits and tau.
Batch = Tuple[int, int, int, float, float]

batches = st.tuples(
    st.integers(0, 10**6),
    st.integers(1, 6),
    st.integers(6, 40),
    st.sampled_from([0.3, 3.0, 30.0]),
    st.sampled_from([1.0, 2.0, 4.0]),
)
quick = settings(max_examples=20, deadline=None)


def draw(
    batch: Batch, dtype: torch.dtype = torch.float64
) -> Tuple[Tensor, Tensor, Tensor, float]:
    """Logits of student and teacher, labels and tau."""
    seed, rows, classes, scale, tau = batch
    rng = seeded(seed)
    student, teacher = scale * torch.randn(
        2, rows, classes, generator=rng, dtype=dtype
    )
    labels = torch.randint(classes, (rows,), generator=rng)
    return student, teacher, labels, tau


def value_and_gradient(loss: Loss, student: Tensor, *others):
    """The loss, and the gradient of its sum at the student's logits."""
    leaf = student.clone(memory_format=torch.preserve_format)
    leaf.requires_grad_()
    found = loss(leaf, *others)
    found.sum().backward()
    return found.detach(), leaf.grad


def check_order_of_classes(
    loss: Loss, batch: Batch, rtol: float, atol: float
) -> None:
    """Renaming the classes changes nothing."""
    student, teacher, labels, tau = draw(batch)
    order = torch.randperm(student.shape[1], generator=seeded(batch[0]))
    moved = loss(
        student[:, order], teacher[:, order], order.argsort()[labels], tau
    )
    expected = loss(student, teacher, labels, tau)
    torch.testing.assert_close(moved, expected, rtol=rtol, atol=atol)


def check_margins(
    loss: Loss, dtype: torch.dtype, signs: Tuple[int, int]
) -> None:
    """Logits of 1e4 give a finite value and gradient, in float32."""
    student, teacher, labels, _ = draw((1, 6, 10, 1.0, 1.0), torch.float32)
    for logits, sign in zip((student, teacher), signs):
        logits[range(6), labels] = sign * 1e4
    rows, grad = value_and_gradient(
        loss, student.to(dtype), teacher.to(dtype), labels, 1.0
    )
    assert rows.dtype == torch.float32
    assert rows.isfinite().all() and grad.isfinite().all()


def check_masked_class(loss: Loss) -> None:
    """A class at -inf in both models is left out, and has no gradient."""
    student, teacher, labels, tau = draw((3, 6, 12, 3.0, 4.0))
    labels = labels % 11
    student[:, 11] = teacher[:, 11] = -torch.inf
    rows, grad = value_and_gradient(loss, student, teacher, labels, tau)
    torch.testing.assert_close(
        rows, loss(student[:, :11], teacher[:, :11], labels, tau)
    )
    assert grad.isfinite().all() and (grad[:, 11] == 0).all()


def check_degenerate_rows(loss: Loss) -> None:
    """Constant rows, ties and one-hot teachers are finite."""
    labels = torch.tensor([0, 1, 2])
    teacher = torch.stack(
        [torch.zeros(8), torch.ones(8), 1000.0 * torch.eye(8)[2]]
    )
    rows, grad = value_and_gradient(
        loss, torch.zeros(3, 8), teacher, labels, 1.0
    )
    assert rows.isfinite().all() and grad.isfinite().all()


def check_memory_layouts(loss: Loss) -> None:
    """Rows in any memory layout give the same value and gradient."""
    student, teacher, labels, tau = draw((4, 30, 9, 3.0, 4.0))
    expected = value_and_gradient(loss, student, teacher, labels, tau)
    by_class = [x.t().contiguous().t() for x in (student, teacher)]
    strided = [torch.stack([x, x], 2)[..., 0] for x in (student, teacher)]
    for rows in (by_class, strided):
        found = value_and_gradient(loss, *rows, labels, tau)
        torch.testing.assert_close(found, expected)


def check_no_number_is_seen(
    loss: Loss,
    dtype: torch.dtype,
    values: Tuple[float, ...] = (torch.nan, torch.inf),
) -> None:
    """NaN or inf at any class of either model is NaN or inf in the loss."""
    for value in values:
        for column in range(8):
            for who in range(2):
                both = torch.randn(2, 4, 8, generator=seeded(column))
                both[who, 1, column] = value
                student, teacher = both.to(dtype)
                labels = torch.tensor([0, 1, 2, 3])
                rows, _ = value_and_gradient(
                    loss, student, teacher, labels, 2.0
                )
                assert not rows.isfinite().all(), (value, column, who)


def check_one_graph(loss: Loss) -> None:
    """``torch.compile`` traces it whole; value and gradient stay."""
    student, teacher, labels, tau = draw((5, 6, 12, 3.0, 4.0))
    student, teacher = student.float(), teacher.float()
    compiled = torch.compile(loss, fullgraph=True, backend='aot_eager')
    rows, grad = value_and_gradient(compiled, student, teacher, labels, tau)
    expected, plain = value_and_gradient(loss, student, teacher, labels, tau)
    torch.testing.assert_close(rows, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(grad, plain, rtol=1e-4, atol=1e-5)
