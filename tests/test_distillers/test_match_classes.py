"""Do teacher and student mean the same classes?"""

import pytest
import torch

from mmkd_logit.distillers.match_classes import (
    match_classes,
    names_in,
    what_was_compared,
)
from mmkd_logit.structures.head_facts import HeadFacts

NAMES = ('cat', 'dog', 'horse')


def softmax(n):
    return HeadFacts(n, n)


def test_equal_classes_need_no_map():
    assert match_classes(softmax(3), softmax(3), NAMES, NAMES, None) is None
    assert match_classes(softmax(3), softmax(3), None, None, None) is None


def test_subset_by_name_keeps_the_background_column():
    ours, theirs = HeadFacts(2, 3), HeadFacts(3, 4)
    columns = match_classes(
        ours, theirs, ('dog', 'cat'), NAMES, dict(dog='dog', cat='cat')
    )
    assert columns == ([1, 0], 3)
    rows = torch.tensor([[0.1, 1.1, 2.1, 3.1]])
    assert torch.equal(columns.pick(rows, 1), torch.tensor([[1.1, 0.1, 3.1]]))


@pytest.mark.parametrize(
    'ours, theirs, names, class_map, message',
    [
        (
            softmax(3),
            softmax(4),
            (None, None),
            None,
            'teacher has 4 classes, student 3',
        ),
        (softmax(3), softmax(3), (NAMES, NAMES[::-1]), None, 'another order'),
        (
            softmax(2),
            softmax(2),
            (NAMES, None),
            None,
            "training set has 3 classes, the student's head 2",
        ),
        (
            softmax(3),
            softmax(3),
            (NAMES, ('cat', 'dog', 'cow')),
            None,
            r"\['horse'\] of the training set are unknown",
        ),
        (
            softmax(3),
            HeadFacts(3, 3, True),
            (None, None),
            None,
            "student's head is a softmax one, the teacher's a sigmoid",
        ),
        (
            softmax(3),
            HeadFacts(3, 4),
            (None, None),
            None,
            'teacher rows have 4 logits, student rows 3',
        ),
        (
            HeadFacts(3, 17, False, False),
            HeadFacts(3, 9, False, False),
            (None, None),
            None,
            '17 bins, teacher rows 9.*reg_max',
        ),
        (
            softmax(2),
            softmax(3),
            (('dog', 'cat'), NAMES),
            dict(dog='dgo', cat='cat'),
            "did you mean 'dog'",
        ),
        (
            softmax(2),
            softmax(3),
            (('dog', 'cat'), NAMES),
            dict(dog='dog'),
            r'leaves out student classes \[1\]',
        ),
        (
            softmax(2),
            softmax(3),
            (None, None),
            [0, 3],
            'index 3 for the teacher',
        ),
        (softmax(2), softmax(3), (None, None), [0], '1 entries'),
        (
            softmax(2),
            softmax(3),
            (None, None),
            ['cat', 'dog'],
            'not known here; use class indices',
        ),
    ],
)
def test_disagreement_is_one_sentence(ours, theirs, names, class_map, message):
    with pytest.raises(ValueError, match=message):
        match_classes(ours, theirs, *names, class_map)


@pytest.mark.parametrize('names', [('crack',), ('none', 'crack')])
def test_one_logit_stands_for_one_class_or_two(names):
    # a segmentor with out_channels=1, whose data name both classes or one
    facts = HeadFacts(2, 1, use_sigmoid=True)
    assert match_classes(facts, facts, names, None, None) is None
    with pytest.raises(ValueError, match='training set has 3 classes'):
        match_classes(facts, facts, ('a', 'b', 'c'), None, None)


@pytest.mark.parametrize(
    'metainfo, names',
    [
        (None, None),
        (dict(palette=[]), None),
        (dict(classes='cell'), ('cell',)),
        (dict(CLASSES=['a', 'b']), ('a', 'b')),
        ([dict(classes=('a',)), dict(classes=('a', 'b'))], ('a', 'b')),
    ],
)
def test_names_of_any_metainfo(metainfo, names):
    assert names_in(metainfo) == names


@pytest.mark.parametrize(
    'data, teacher, line',
    [
        (NAMES, NAMES, 'have 3 each; the names of data and teacher were'),
        (NAMES, None, r'could not be compared, as the teacher \(checkpoint'),
        (None, NAMES, 'could not be compared, as the data names no classes'),
        (None, None, 'as the data and the teacher .* name no classes'),
        (NAMES, ('names.txt',), 'could not be compared, as the teacher name'),
    ],
)
def test_the_report_says_what_was_compared(data, teacher, line):
    import re

    assert re.search(line, what_was_compared(3, data, teacher, False))
    assert 'by `class_map`' in what_was_compared(3, data, teacher, True)
