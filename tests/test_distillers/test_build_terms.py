"""What a term of a config becomes; mistakes are in test_logit_distiller."""

import pytest

from mmkd_logit.distillers.build_terms import build_terms
from mmkd_logit.heads.base import LogitReader
from tests.toys import ToyLogits, ToyModel

LOSS = dict(type='mmkd_logit.KDLoss')
READER = dict(type='mmkd_logit.ToyLogits')


def test_each_teacher_of_a_term_has_a_reader_of_its_own():
    distill = dict(
        loss_all=dict(logits=READER, loss=LOSS),
        loss_one=dict(logits=READER, loss=LOSS, teacher=2),
    )
    terms = build_terms(ToyModel(), distill, teachers=3)
    first = terms['loss_all']
    assert first.teachers == (0, 1, 2)
    assert len({id(reader) for reader in first.readers}) == 3
    assert all(isinstance(reader, ToyLogits) for reader in first.readers)
    assert terms['loss_one'].teachers == (2,)
    assert terms['loss_one'].readers == (terms['loss_one'].reader,)


def test_rows_of_a_teachers_making_are_refused_with_several(monkeypatch):
    assert LogitReader().rows_by_teacher() is None
    distill = dict(loss_kd=dict(logits=READER, loss=LOSS))
    monkeypatch.setattr(ToyLogits, 'rows_by_teacher', lambda self: 'dice')
    assert build_terms(ToyModel(), distill)['loss_kd'].teachers == (0,)
    with pytest.raises(ValueError, match='loss_kd: dice, so there is no mean'):
        build_terms(ToyModel(), distill, teachers=2)


def test_one_teacher_may_be_named_too():
    distill = dict(loss_kd=dict(logits=READER, loss=LOSS, teacher=0))
    assert build_terms(ToyModel(), distill)['loss_kd'].teachers == (0,)
    distill['loss_kd']['teacher'] = 1
    with pytest.raises(ValueError, match='of teachers is 1; expected 0$'):
        build_terms(ToyModel(), distill)
