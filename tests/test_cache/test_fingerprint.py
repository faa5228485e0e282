"""What a cache belongs to, and what it does not depend on."""

import numpy as np
import pytest

from mmkd_logit.cache.fingerprint import (
    check_same,
    data_part,
    flat,
    pipeline_part,
    teacher_part,
)


class Images:
    def __init__(self, root, names, key='img_path'):
        self.data_root, self.names, self.key = root, names, key

    def __len__(self):
        return len(self.names)

    def get_data_info(self, index):
        value = self.names[index]
        if self.key == 'img_path':
            value = f'{self.data_root}/{value}'
        return {self.key: value, 'gt_label': index}


class Twice:
    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return 2 * len(self.dataset)


def test_samples_may_move_but_not_change():
    here = data_part(Images('/here/data', ['a/1.png', 'b/2.png']))
    assert data_part(Images('/there', ['a/1.png', 'b/2.png'])) == here
    for other in (['b/2.png', 'a/1.png'], ['a/1.png', 'b/3.png'], ['a/1.png']):
        assert data_part(Images('/here/data', other)) != here


def test_images_in_memory_and_wrappers():
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    one = data_part(Images('', [image, image], 'img'))
    other = data_part(Images('', [image, image + 1], 'img'))
    assert one['sha256 of their names'] != other['sha256 of their names']
    wrapped = data_part(Twice(Images('', [image, image], 'img')))
    assert wrapped['0.sha256 of their names'] == one['sha256 of their names']


def test_pipelines_of_wrapped_sets():
    inner = dict(type='A', pipeline=[dict(type='Load'), dict(type='Flip')])
    outer = dict(
        type='Mix',
        data_root='x',
        dataset=inner,
        pipeline=[dict(type='Mosaic')],
    )
    assert pipeline_part(outer) == {
        'pipeline.0.type': 'Mosaic',
        'dataset.pipeline.0.type': 'Load',
        'dataset.pipeline.1.type': 'Flip',
    }


def test_two_spellings_are_one_setting():
    ours = dict(type='mmdet.Resize', scale=(3, 4), _scope_='mmdet', a=None)
    theirs = dict(scale=[3, 4], type='Resize')
    assert dict(flat(ours)) == dict(flat(theirs))
    assert dict(flat(dict(type=Images))) == {'type': 'Images'}


def test_the_first_difference_is_named():
    cache = dict(teacher=teacher_part(dict(type='A', depth=18), 'abc'))
    same = dict(teacher=teacher_part(dict(type='A', depth=18), None))
    check_same('c', cache, same, skip=('sha256 of the weights',))
    for model, weights, words in (
        (dict(type='A', depth=34), 'abc', 'depth was 18, is 34'),
        (dict(type='A', depth=18, k=1), 'abc', 'k was not set, is 1'),
        (dict(type='A', depth=18), 'abd', 'weights was abc, is abd'),
    ):
        run = dict(teacher=teacher_part(model, weights))
        with pytest.raises(
            ValueError, match=f"cache 'c' is of another teacher: .*{words}"
        ):
            check_same('c', cache, run)
    with pytest.raises(ValueError, match='is of another pipeline: 0.type was'):
        check_same(
            'c', dict(cache, pipeline={}), dict(pipeline={'0.type': 'Flip'})
        )
