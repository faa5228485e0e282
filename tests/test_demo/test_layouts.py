import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('sklearn')

from demo.digits import CLASSES, make_scene
from demo.layouts import write_cityscapes, write_coco

COUNTS = (3, 2)


@pytest.fixture(scope='module')
def coco(tmp_path_factory):
    return write_coco(tmp_path_factory.mktemp('data') / 'coco', COUNTS)


@pytest.fixture(scope='module')
def cityscapes(tmp_path_factory):
    return write_cityscapes(
        tmp_path_factory.mktemp('data') / 'cityscapes', COUNTS
    )


@pytest.mark.parametrize('split, count', [*zip(('train', 'val'), COUNTS)])
def test_coco_holds_the_scenes(coco, split, count):
    content = json.loads(
        (coco / 'annotations' / f'instances_{split}2017.json').read_text()
    )
    assert [c['name'] for c in content['categories']] == list(CLASSES)
    assert len(content['images']) == count
    assert len(list((coco / f'{split}2017').iterdir())) == count
    names = {c['id']: c['name'] for c in content['categories']}
    ids = [a['id'] for a in content['annotations']]
    assert len(set(ids)) == len(ids) and 0 not in ids
    for index, entry in enumerate(content['images']):
        scene = make_scene(split, index)
        image = Image.open(coco / f'{split}2017' / entry['file_name'])
        assert image.size == (entry['width'], entry['height'])
        np.testing.assert_array_equal(np.asarray(image), scene.image)
        mine = [
            a for a in content['annotations'] if a['image_id'] == entry['id']
        ]
        assert [a['bbox'] for a in mine] == scene.boxes.tolist()
        assert [a['area'] for a in mine] == [
            w * h for _, _, w, h in scene.boxes.tolist()
        ]
        assert [
            int(names[a['category_id']]) for a in mine
        ] == scene.labels.tolist()


def test_the_coco_api_reads_it(coco):
    pycocotools = pytest.importorskip('pycocotools.coco')
    api = pycocotools.COCO(
        str(coco / 'annotations' / 'instances_val2017.json')
    )
    assert api.getCatIds(catNms=['0', '9']) == [1, 10]
    assert len(api.getImgIds()) == 2


@pytest.mark.parametrize('split, count', [*zip(('train', 'val'), COUNTS)])
def test_cityscapes_holds_the_same_scenes(cityscapes, split, count):
    images = sorted((cityscapes / 'leftImg8bit' / split).glob('demo/*.png'))
    labels = sorted((cityscapes / 'gtFine' / split).glob('demo/*.png'))
    assert len(images) == len(labels) == count
    for index, (image, label) in enumerate(zip(images, labels)):
        assert image.name.endswith('_leftImg8bit.png')
        assert label.name == image.name.replace(
            '_leftImg8bit', '_gtFine_labelTrainIds'
        )
        scene = make_scene(split, index)
        np.testing.assert_array_equal(
            np.asarray(Image.open(image)), scene.image
        )
        label_map = np.asarray(Image.open(label))
        np.testing.assert_array_equal(label_map, scene.label_map)
        assert set(np.unique(label_map)) <= {*range(11), 255}


def test_the_same_data_are_not_written_twice(tmp_path):
    seen = []

    def progress(todo):
        seen.append(len(todo))
        return todo

    for seed in (0, 0, 1):
        write_cityscapes(tmp_path / 'a', (1, 1), seed, progress)
    assert seen == [2, 2]  # the second call found its data, the third not


def test_an_interruption_leaves_no_half_made_folder(tmp_path):

    def progress(todo):
        yield todo[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_coco(tmp_path / 'a', (2, 1), progress=progress)
    assert not (tmp_path / 'a').exists()
    write_coco(tmp_path / 'a', (2, 1))
    assert [path.name for path in tmp_path.iterdir()] == ['a']


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / 'holiday.jpg').touch()
    with pytest.raises(ValueError, match='holds other files'):
        write_coco(tmp_path, (1, 1))
    assert (tmp_path / 'holiday.jpg').exists()
