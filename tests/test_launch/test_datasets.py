"""Datasets through whatever wraps them."""

import pytest

from mmkd_logit.launch.datasets import (
    as_names,
    class_names,
    dataset_class,
    inside_root,
    is_kind,
    leaf_datasets,
)
from tests.toys import CLASSES, ToyDataset

ONE, TWO = dict(type='A', ann_file='1'), dict(type='A', ann_file='2')


@pytest.mark.parametrize(
    'dataset, leaves',
    [
        (ONE, [ONE]),
        (dict(type='RepeatDataset', times=2, dataset=ONE), [ONE]),
        (dict(type='ConcatDataset', datasets=[ONE, TWO]), [ONE, TWO]),
        (
            dict(
                type='MultiImageMixDataset',
                dataset=dict(type='ConcatDataset', datasets=[TWO, ONE]),
            ),
            [TWO, ONE],
        ),
        ([ONE, dict(dataset=TWO)], [ONE, TWO]),
        (None, []),
    ],
)
def test_leaves_in_the_order_of_their_samples(dataset, leaves):
    assert list(leaf_datasets(dataset)) == leaves


def test_classes_of_datasets_and_their_parents():
    assert dataset_class(dict(type='ToyDataset')) is ToyDataset
    assert dataset_class(dict(type=ToyDataset)) is ToyDataset
    assert is_kind(ToyDataset, 'Dataset') and not is_kind(None, 'Dataset')


def test_names_however_they_are_written(tmp_path):
    (tmp_path / 'names.txt').write_text('cat\ndog\n')
    assert as_names(str(tmp_path / 'names.txt')) == ('cat', 'dog')
    assert as_names('cell') == ('cell',) and as_names(None) is None
    assert class_names(dict(metainfo=dict(classes=['a'])), None) == ('a',)
    assert class_names(dict(classes=('b', 'c')), None) == ('b', 'c')

    class Known:
        METAINFO = dict(classes=CLASSES)

    assert class_names({}, Known) == CLASSES
    assert class_names({}, None) is None


def test_paths_as_the_dataset_finds_them():
    assert inside_root(dict(data_root='d/'), 'a.json') == 'd/a.json'
    assert inside_root({}, 'a.json') == 'a.json'
    assert inside_root({}, None) is inside_root({}, '') is None
