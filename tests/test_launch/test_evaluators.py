"""Evaluators that compare with other annotations than the data's."""

import json

import pytest
from mmengine.config import Config

from mmkd_logit.launch import evaluators as module
from mmkd_logit.launch.data import check_data, check_paths

LOADERS = ('val_dataloader',)


def write(path, names=('a.png', 'b.png'), classes=('cat', 'dog')):
    content = dict(
        images=[
            dict(id=i, file_name=name, width=4, height=4)
            for i, name in enumerate(names)
        ],
        categories=[dict(id=i, name=n) for i, n in enumerate(classes)],
    )
    path.write_text(json.dumps(content))
    return str(path)


def config(tmp_path, *evaluators):
    write(tmp_path / 'val.json')
    dataset = dict(
        type='CocoDataset',
        data_root=str(tmp_path),
        ann_file='val.json',
        metainfo=dict(classes=('cat', 'dog')),
    )
    metrics = [dict(type='CocoMetric', ann_file=one) for one in evaluators]
    return Config(
        dict(
            val_dataloader=dict(dataset=dataset),
            val_evaluator=metrics[0] if len(metrics) == 1 else metrics,
        )
    )


def test_the_same_file_however_it_is_written(tmp_path):
    link = tmp_path / 'link.json'
    link.symlink_to('val.json')
    check_data(
        config(tmp_path, str(tmp_path / 'val.json'), str(link)), LOADERS
    )
    check_data(config(tmp_path, None), LOADERS)


def test_a_file_that_is_not_there(tmp_path):
    gone = str(tmp_path / 'vall.json')
    with pytest.raises(
        FileNotFoundError,
        match="val_evaluator names .*vall.json', which is not there.*val.json",
    ):
        check_paths(
            config(tmp_path, str(tmp_path / 'val.json'), gone), LOADERS
        )


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(names=('c.png',)), "image 0 is 'a.png' and not 'c.png'"),
        (dict(names=('a.png',)), "image 1 is 'b.png' and not None"),
        (dict(classes=('dog', 'cat')), 'categories have another order'),
    ],
)
def test_another_file_is_refused(tmp_path, changes, message):
    other = write(tmp_path / 'train.json', **changes)
    with pytest.raises(ValueError, match=f'val_evaluator .*{message}; give'):
        check_data(config(tmp_path, other), LOADERS)


def test_a_file_with_more_images_is_told(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(
        module, 'print_log', lambda text, *args: told.append(text)
    )
    copy = write(tmp_path / 'copy.json')
    check_data(config(tmp_path, copy), LOADERS)
    assert not told
    more = write(tmp_path / 'more.json', ('a.png', 'b.png', 'c.png'))
    check_data(config(tmp_path, more), LOADERS)
    assert '1 images more than' in told[0]


@pytest.mark.parametrize('topk', [(1, 5), 5])
def test_an_accuracy_over_more_classes_than_there_are(topk):
    settings = Config(
        dict(
            model=dict(student=dict(head=dict(num_classes=5))),
            val_evaluator=[dict(type='Accuracy', topk=topk)],
        )
    )
    check_paths(settings, LOADERS)
    settings.model.student.head.num_classes = 3
    with pytest.raises(ValueError, match='val_evaluator asks for topk=5, but'):
        check_paths(settings, LOADERS)
