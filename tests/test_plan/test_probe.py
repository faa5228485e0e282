"""How strongly a term pulls, on toys whose gradients are known."""

import math

import pytest
import torch

from mmkd_logit.plan import probe
from mmkd_logit.plan.probe import Probe, propose, table
from mmkd_logit.registry import MODELS
from tests.toys import distiller_config, teacher_file


def batches(count=2):
    torch.manual_seed(0)
    return [
        dict(
            inputs=torch.rand(4, 3, 2, 2),
            data_samples=list(torch.tensor([0, 1, 2, 3])),
        )
        for _ in range(count)
    ]


def distiller(tmp_path, **kwargs):
    torch.manual_seed(1)
    model = MODELS.build(
        distiller_config(teacher_file(tmp_path), norm_eval=True, **kwargs)
    )
    model.prepare()
    return model.train()


def test_ratios_grow_with_the_weight_and_nothing_is_trained(tmp_path):
    model = distiller(tmp_path)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    (one,) = probe(model, batches())
    (ten,) = probe(distiller(tmp_path, loss_weight=10.0), batches())
    assert one.loss_ratio > 0 and one.gradient_ratio > 0
    assert ten.loss_ratio == pytest.approx(10 * one.loss_ratio, rel=1e-4)
    assert ten.gradient_ratio == pytest.approx(
        10 * one.gradient_ratio, rel=1e-4
    )
    assert one.rows == (4, 4) and one.weight == 1 and ten.weight == 10
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(w.grad is None for w in model.parameters())


def test_ratio_is_that_of_the_gradients(tmp_path):
    model = distiller(tmp_path)
    (batch,) = batches(1)
    (found,) = probe(model, [batch])
    losses = model(**batch, mode='loss')
    weights = [w for w in model.student.parameters() if w.requires_grad]

    def norm(loss):
        parts = torch.autograd.grad(loss, weights, retain_graph=True)
        return torch.cat([part.flatten() for part in parts]).norm()

    expected = norm(losses['loss_kd']) / norm(losses['loss_cls'])
    assert found.gradient_ratio == pytest.approx(expected.item(), rel=1e-4)
    expected = (losses['loss_kd'] / losses['loss_cls']).item()
    assert found.loss_ratio == pytest.approx(expected, rel=1e-4)


def test_accuracy_and_agreement_are_counted_on_the_rows(tmp_path):
    model = distiller(tmp_path)
    (batch,) = batches(1)
    (found,) = probe(model, [batch])
    model.eval()
    theirs = model.teacher.model(batch['inputs']).argmax(1)
    right = (theirs == torch.stack(batch['data_samples'])).float().mean()
    assert found.teacher_accuracy == pytest.approx(right.item())
    ours = model.student(batch['inputs']).argmax(1)
    same = (ours == theirs).float().mean().item()
    assert found.agreement == pytest.approx(same)


def test_a_weight_is_proposed_where_the_gradients_are_far_apart():
    assert propose(2.0, 1.0)[0] == 2.0
    assert propose(2.0, 9.9)[0] == 2.0
    # 8 / 40 = 0.2: both gradients have one size then
    assert propose(8.0, 40.0)[0] == pytest.approx(0.2)
    assert propose(1.0, 0.03)[0] == pytest.approx(30.0)  # 33.3, one digit
    weight, why = propose(1.0, math.nan)
    assert weight == 1.0 and 'no gradient' in why


def test_table_names_the_term_and_the_proposal(tmp_path):
    text = table(probe(distiller(tmp_path), batches(1)))
    assert text.startswith('loss_kd\n') and 'loss_weight' in text


@pytest.mark.parametrize(
    'accuracy, said', [(0.02, True), (0.7, False), (math.nan, False)]
)
def test_a_teacher_that_is_never_right_is_pointed_at(accuracy, said):
    one = Probe(
        'loss_kd', (4, 3), 1.0, 0.01, 0.1, accuracy, 1.0, 100.0, 'a reason'
    )
    assert ('check its weights first' in table([one])) is said
