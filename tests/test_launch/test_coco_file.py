"""What an annotation file says about its classes."""

import json

import pytest

from mmkd_logit.launch import coco_file
from mmkd_logit.launch.coco_file import read_coco_file, read_images


def write(path, **changes):
    whole = dict(id=7, image_id=1, category_id=3, bbox=[0, 0, 5, 5], area=25)
    content = dict(
        images=[
            dict(id=1, file_name='a.png', width=9, height=9),
            dict(id=2, file_name='b.png', width=9, height=9),
        ],
        annotations=[
            whole,
            dict(whole, id=8, bbox=[0, 0, 0.5, 5], area=2),
            dict(whole, id=9, category_id=4, ignore=1),
            dict(whole, id=10, category_id=4, iscrowd=1),
            dict(whole, id=11, category_id=4, bbox=[9, 0, 5, 5]),
            dict(whole, id=12, category_id=4, image_id=3),
        ],
        categories=[dict(id=4, name='dog'), dict(id=3, name='cat')],
    )
    path.write_text(json.dumps({**content, **changes}))
    return str(path)


def test_names_in_the_files_order_and_usable_objects(tmp_path):
    found = read_coco_file('train', write(tmp_path / 'a.json'))
    assert found.names == ('dog', 'cat')
    # a box of half a pixel, an ignored one, a crowd, one outside of the
    # image and one of an unknown image do not count
    assert found.counts == dict(dog=0, cat=1)
    assert found.images == 2 and found.without_mask == 'annotation 7'
    assert found.sorted_names == ('cat', 'dog')
    assert '1 of 6 objects have a `image_id`' in found.strays


def test_panoptic_objects_are_not_counted(tmp_path):
    objects = [dict(image_id=1, file_name='a.png', segments_info=[])]
    found = read_coco_file(
        'train', write(tmp_path / 'a.json', annotations=objects)
    )
    assert found.counts is None and found.images == 2


def test_a_large_file_gives_its_categories_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(coco_file, '_WHOLE', 10)
    # an entry called "categories" elsewhere is not the list
    info = dict(categories=[1, 2])
    path = write(tmp_path / 'a.json', info=info)
    found = read_coco_file('train', path)
    assert found.names == ('dog', 'cat') and found.counts is None
    assert found.sorted_names == ('cat', 'dog')
    assert read_images(path) is None


BOM = '\ufeff{"images": [], "categories": []}'


@pytest.mark.parametrize('text', ['', '{"images": []}', '[]', 'nothing', BOM])
def test_another_file_is_one_sentence(tmp_path, text):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(ValueError, match='train: .* no annotation file of CO'):
        read_coco_file('train', str(tmp_path / 'a.json'))
    assert text == BOM or read_images(str(tmp_path / 'a.json')) is None


def test_a_test_set_has_no_annotations(tmp_path):
    path = write(tmp_path / 'a.json')
    content = json.loads((tmp_path / 'a.json').read_text())
    del content['annotations']
    (tmp_path / 'a.json').write_text(json.dumps(content))
    assert read_coco_file('test', path).names == ('dog', 'cat')


def test_images_and_categories(tmp_path):
    found = read_images(write(tmp_path / 'a.json'))
    assert found.names == {1: 'a.png', 2: 'b.png'}
    assert found.sizes == {'a.png': (9, 9), 'b.png': (9, 9)}
    assert found.classes == ['dog', 'cat']
    assert read_images(str(tmp_path / 'a.txt')) is None
