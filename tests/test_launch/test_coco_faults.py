"""Annotation files that MMDetection fails at, or reads wrongly."""

import copy

import pytest

from mmkd_logit.launch.coco_faults import first_fault, unknown_ids

OBJECT = dict(id=1, image_id=1, category_id=1, bbox=[0, 0, 5, 5], area=25)
GOOD = dict(
    images=[dict(id=1, file_name='a.png', width=9, height=9)],
    annotations=[OBJECT],
    categories=[dict(id=1, name='cat'), dict(id=2, name='dog')],
)


def changed(part, **entry):
    """The good file with other values in the first entry of a list."""
    content = copy.deepcopy(GOOD)
    content[part][0].update(entry)
    for key in [key for key, value in entry.items() if value is ...]:
        del content[part][0][key]
    return content


def test_a_good_file_and_its_kinds():
    assert first_fault(GOOD) is None and unknown_ids(GOOD) is None
    test_set = {key: GOOD[key] for key in ('images', 'categories')}
    assert first_fault(test_set) is None and unknown_ids(test_set) is None
    panoptic = dict(GOOD, annotations=[dict(image_id=1, segments_info=[])])
    assert first_fault(panoptic) is None and unknown_ids(panoptic) is None
    lvis = changed('images', file_name=..., coco_url='http://h/a.jpg')
    assert first_fault(lvis) is None


@pytest.mark.parametrize(
    'content, message',
    [
        ([1], 'it holds a list'),
        (dict(images=[]), 'has no `categories`'),
        (dict(GOOD, annotations=None), '`annotations` is a NoneType'),
        (dict(GOOD, categories=['cat']), "entry 0 of `categories` is 'cat'"),
        (dict(GOOD, annotations=[OBJECT, None]), 'entry 1 of .* is None'),
        (changed('annotations', area=...), 'annotations` has no `area`'),
        (changed('images', width=..., id=...), 'no `id`, `width`'),
        (changed('images', height='9'), "the `height` '9', expected a number"),
        (changed('annotations', bbox=None), 'the `bbox` None, expected four'),
        (changed('annotations', bbox=[0, 0, 'a', 5]), 'expected four numbers'),
        (
            changed('annotations', bbox=[0, 0, float('nan'), 5]),
            'expected four numbers',
        ),
        (
            dict(GOOD, images=GOOD['images'] * 2),
            '1 ids of `images` are given more than once, such as 1, .* image',
        ),
        (dict(GOOD, annotations=[OBJECT] * 2), 'ids of `annotations` are'),
    ],
)
def test_a_fault_is_named(content, message):
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(first_fault(content))


def test_numbers_that_are_shifted_are_counted():
    said = unknown_ids(changed('annotations', category_id=0))
    assert said.startswith('1 of 1 objects have a `category_id` that is none')
    assert said.endswith('such as 0')
    assert '`image_id`' in unknown_ids(changed('annotations', image_id=5))
