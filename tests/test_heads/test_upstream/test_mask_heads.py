"""The semantic map of queries, against the sum written out."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from mmkd_logit.heads.upstream.mask_heads import QueryLogits, semantic_map
from mmkd_logit.losses import KDLoss
from tests.toys import seeded


def queries(B=2, Q=5, K=4, size=(6, 8), scale=1.0, dtype=torch.float64):
    classes = torch.randn(B, Q, K + 1, generator=seeded(0), dtype=dtype)
    masks = torch.randn(B, Q, *size, generator=seeded(1), dtype=dtype)
    return QueryLogits(scale * classes, scale * masks)


def written_out(given, size=None):
    """The definition with the sum over queries in full, (B, Q, K, H, W)."""
    masks = given.masks
    if size is not None:
        masks = F.interpolate(masks, size, mode='bilinear')
    log_probs = given.classes.log_softmax(-1)[..., :-1]
    terms = log_probs[..., None, None] + F.logsigmoid(masks)[:, :, None]
    return terms.logsumexp(1).log_softmax(1)


def test_a_map_of_one_query_and_of_two_by_hand():
    # one query: its mask divides out, its classes 0.6 and 0.2 remain
    classes = torch.tensor([[[0.6, 0.2, 0.2]]]).log()
    masks = torch.tensor([[[[0.5]]]]).logit()
    result = semantic_map(QueryLogits(classes, masks), (1, 1)).exp()
    assert result.flatten().tolist() == pytest.approx([0.75, 0.25])
    # a second one, (0.1, 0.5, 0.4) on a mask of 0.8:
    # 0.6 * 0.5 + 0.1 * 0.8 = 0.38, 0.2 * 0.5 + 0.5 * 0.8 = 0.5
    classes = torch.cat([classes, torch.tensor([[[0.1, 0.5, 0.4]]]).log()], 1)
    masks = torch.tensor([[[[0.5]], [[0.8]]]]).logit()
    result = semantic_map(QueryLogits(classes, masks), (1, 1)).exp()
    assert result.flatten().tolist() == pytest.approx(
        [0.38 / 0.88, 0.5 / 0.88]
    )


@pytest.mark.parametrize('B', [1, 4])
@pytest.mark.parametrize('size', [None, (9, 5)])
@pytest.mark.parametrize('scale', [1.0, 30.0])
def test_map_and_gradients_equal_the_sum_written_out(B, size, scale):
    given = queries(B, scale=scale)
    leaves = [tensor.requires_grad_() for tensor in given]
    weight = torch.randn(B, 4, *(size or (6, 8)), generator=seeded(2))
    results = []
    for compute in (semantic_map, written_out):
        result = compute(given, size or (6, 8))
        results.append(
            (result, *torch.autograd.grad((result * weight).sum(), leaves))
        )
    for ours, expected in zip(*results):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(
        results[0][0].exp().sum(1), torch.ones_like(results[0][0][:, 0])
    )


def test_the_largest_class_is_the_one_that_the_heads_predict():
    given = queries()
    scores = torch.einsum(
        'bqc,bqhw->bchw',
        given.classes.softmax(-1)[..., :-1],
        given.masks.sigmoid(),
    )
    result = semantic_map(given, (6, 8))
    assert torch.equal(result.argmax(1), scores.argmax(1))
    torch.testing.assert_close(
        result.exp(), scores / scores.sum(1, keepdim=True)
    )


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('scale', [100.0, 1e4])
def test_extreme_logits_stay_finite_with_their_gradients(dtype, scale):
    given = QueryLogits(*[part.to(dtype) for part in queries(scale=scale)])
    leaves = [tensor.requires_grad_() for tensor in given]
    student = semantic_map(given, (6, 8))
    assert student.dtype == torch.float32 and student.isfinite().all()
    rows = student.movedim(1, -1).flatten(0, -2)
    # as gradients are scaled with mixed precision
    loss = 65536 * KDLoss(tau=1.0)(rows, rows.detach().flip(1))
    for grad in torch.autograd.grad(loss, leaves):
        assert grad.isfinite().all()
    # down to e^-60 of the leading class every value is right
    exact = written_out(QueryLogits(*[leaf.double() for leaf in leaves]))
    torch.testing.assert_close(
        student.double().clamp(min=-60),
        exact.clamp(min=-60),
        rtol=1e-4,
        atol=2e-6 * scale,
    )


def test_autocast_changes_nothing():
    given = queries(dtype=torch.float32)
    plain = semantic_map(given, (6, 8))
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(semantic_map(given, (6, 8)), plain)


class _Largest(TorchDispatchMode):
    """Number of elements of the largest tensor that any operation makes."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.elements = max(self.elements, result.numel())
        return result


def test_no_tensor_has_queries_times_classes_times_pixels():
    given = queries(B=3, Q=7, K=9, size=(10, 12))
    leaves = [tensor.requires_grad_() for tensor in given]
    with _Largest() as seen:
        semantic_map(given, (10, 12)).exp().sum().backward()
    maps = 3 * 9 * 10 * 12
    assert leaves[1].grad is not None
    # one image's masks are smaller than the batch of maps
    assert maps <= seen.elements < 7 * 9 * 10 * 12
    assert seen.elements <= max(maps, given.masks.numel())


def test_rows_of_the_map_need_no_copy():
    from mmkd_logit.heads.upstream.maps import map_rows

    result = semantic_map(queries(), (6, 8))
    assert map_rows(result).data_ptr() == result.data_ptr()
