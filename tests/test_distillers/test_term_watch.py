"""A term that does nothing or goes wrong is noticed."""

import pytest
import torch

from mmkd_logit.distillers.term_watch import TermWatch
from mmkd_logit.losses import DKDLoss
from mmkd_logit.structures.head_facts import HeadFacts
from mmkd_logit.structures.logit_pair import LogitPair

FACTS = HeadFacts(3, 3)


def pair(rows=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, rows, 3, generator=generator)
    labels = torch.arange(rows) % 3
    return LogitPair(student.requires_grad_(), teacher, labels)


def steps(watch, count=1, value=1.0, gradient=1.0, of=None):
    for _ in range(count):
        tapped = watch.tap(of or pair())
        (gradient * tapped.student_logits).sum().backward()
        watch.record(torch.tensor(value), [tapped], FACTS)


def test_a_good_term_passes_and_is_due_every_few_steps():
    watch = TermWatch('loss_kd', every=3)
    due = []
    for _ in range(6):
        steps(watch)
        due.append(watch.is_due())
    assert due == [False, False, True] * 2
    watch.check()


@pytest.mark.parametrize(
    'step, message',
    [
        (dict(value=0.0), 'loss_kd was exactly 0 in its first 3 steps'),
        (dict(gradient=0.0), 'sent no gradient to the student'),
        (dict(value=float('nan')), 'NaN or infinite in step 1 .*lower the t'),
    ],
)
def test_a_term_that_does_nothing_stops_the_run(step, message):
    watch = TermWatch('loss_kd', every=3)
    steps(watch, 3, **step)
    with pytest.raises(RuntimeError, match=message):
        watch.check()


def test_a_missing_term_stops_the_run_and_one_of_weight_0_does_not():
    for expects in (True, False):
        watch = TermWatch('loss_kd', expects, every=2)
        for _ in range(2):
            watch.record(None, [], FACTS)
        if expects:
            with pytest.raises(RuntimeError, match='missing in the first 2'):
                watch.check()
        else:
            watch.check()


@pytest.mark.parametrize('whose', ['student', 'teacher'])
@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
@pytest.mark.parametrize('second', [False, True])
def test_a_bad_logit_is_found_where_the_loss_is_finite(whose, bad, second):
    good, odd = pair(), pair(seed=1)
    with torch.no_grad():
        getattr(odd, f'{whose}_logits')[2, 2] = bad  # the target class
    watch = TermWatch('loss_kd')
    steps(watch)
    watch.record(torch.tensor(1.0), [good, odd] if second else [odd], FACTS)
    steps(watch)
    advice = dict(student='has diverged', teacher="teacher's own logits")
    with pytest.raises(
        RuntimeError, match=f'in step 2 of this run.*{advice[whose]}'
    ):
        watch.check()


def test_nan_at_the_target_class_of_a_dkd_term_is_found():
    odd = pair()
    odd.teacher_logits[0, 0] = float('nan')
    watch = TermWatch('loss_kd')
    value = DKDLoss()(*odd)
    watch.record(value, [odd], FACTS)
    with pytest.raises(RuntimeError, match=r'teacher logits in \[nan, nan\]'):
        watch.check()


def test_large_logits_are_no_mistake():
    large = pair()._replace(student_logits=torch.full((4, 3), 6e4).half())
    watch = TermWatch('loss_kd')
    watch.record(torch.tensor(1.0), [large], FACTS)
    watch.check()


def test_no_rows_are_no_mistake():
    watch = TermWatch('loss_kd')
    watch.record(torch.tensor(0.0), [pair(0)], FACTS)
    watch.check()
    assert watch.teacher_accuracy() is None


def test_the_teacher_is_counted_on_rows_that_count():
    teacher = torch.eye(3)[[0, 1, 1]]  # right, right, wrong
    rows = LogitPair(teacher, teacher, torch.arange(3))
    watch = TermWatch('loss_kd')
    watch.record(torch.tensor(1.0), [rows], FACTS)
    assert watch.teacher_accuracy() == dict(rows=3, accuracy=2 / 3)
    weight = torch.tensor([1.0, 0.0, 1.0])
    watch.record(torch.tensor(1.0), [rows._replace(weight=weight)], FACTS)
    assert watch.teacher_accuracy() == dict(rows=5, accuracy=3 / 5)
