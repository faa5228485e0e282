import torch

from mmkd_logit.ops.autograd import as_float, compiling


def test_float64_stays_and_the_others_become_float32():
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        assert as_float(torch.zeros(1, dtype=dtype)).dtype == torch.float32
    assert as_float(torch.zeros(1).double()).dtype == torch.float64


def test_gradients_of_float16_stay_within_its_range():
    logits = torch.zeros(2, dtype=torch.float16, requires_grad=True)
    (as_float(logits) * torch.tensor([1e6, -1e6])).sum().backward()
    assert logits.grad.tolist() == [65504.0, -65504.0]


def test_compiling_is_true_in_a_traced_function_only():
    assert not compiling()
    traced = torch.compile(
        lambda x: x + compiling(), backend='eager', fullgraph=True
    )
    assert traced(torch.zeros(1)) == 1
