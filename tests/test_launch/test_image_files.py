"""Images that are missing or broken are found before training."""

import json

import numpy as np
import pytest
from PIL import Image

from mmkd_logit.launch import image_files as module
from mmkd_logit.launch.image_files import check_image_files, what_is_wrong


@pytest.fixture
def dataset(tmp_path):
    for number in range(10):
        path = tmp_path / 'images' / str(number % 2) / f'{number}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (4, 4)).save(path)
    return dict(data_root=str(tmp_path), data_prefix=dict(img_path='images'))


def test_good_images_pass(dataset):
    check_image_files('train', dataset)
    check_image_files('train', dict(dataset, data_prefix='images'), 'all')


@pytest.mark.parametrize(
    'content, message',
    [
        (b'', r"images/1/3.png' has 0 bytes .1 bad among 10 that were read"),
        (b'<html>', "3.png' is no image that can be read"),
    ],
)
def test_a_broken_image_is_named(dataset, tmp_path, content, message):
    (tmp_path / 'images/1/3.png').write_bytes(content)
    with pytest.raises(ValueError, match=f'train: the image .*{message}'):
        check_image_files('train', dataset)


def test_a_share_is_spread_over_the_files(dataset, tmp_path):
    # the 1st, 4th, 7th and 10th of ten: 0, 6, 3 and 9
    (tmp_path / 'images/1/1.png').write_bytes(b'')
    check_image_files('train', dataset, 3)
    with pytest.raises(ValueError, match='has 0 bytes'):
        check_image_files('train', dataset, 'all')
    (tmp_path / 'images/1/3.png').write_bytes(b'')
    with pytest.raises(ValueError, match='3.png.* 4 that were read, 10 in'):
        check_image_files('train', dataset, 3)
    check_image_files('train', dataset, 0)


def write(path, widths):
    images = [
        dict(id=i, file_name=name, width=width, height=4)
        for i, (name, width) in enumerate(widths.items())
    ]
    path.write_text(json.dumps(dict(images=images, categories=[])))


@pytest.fixture
def told(monkeypatch):
    said = []
    monkeypatch.setattr(
        module, 'print_log', lambda text, *args: said.append(text)
    )
    return said


def test_images_of_another_size_than_annotated_are_told(
    dataset, tmp_path, told
):
    # one that a camera turned has both sides exchanged, and is no other image
    Image.new('RGB', (4, 8)).save(tmp_path / 'images/0/2.png')
    write(tmp_path / 'a.json', {'0/0.png': 4, '0/2.png': 8})
    check_image_files('train', dict(dataset, ann_file='a.json'))
    assert not told
    write(tmp_path / 'a.json', {'0/0.png': 4, '0/2.png': 16})
    check_image_files('train', dict(dataset, ann_file='a.json'))
    assert '1 of 2 images' in told[0] and '4 x 8 pixels, not 16 x 4' in told[0]


@pytest.mark.parametrize('ending', ['png', 'jpg', 'bmp'])
def test_an_image_that_ends_too_early_is_told(tmp_path, told, ending):
    path = tmp_path / f'a.{ending}'
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    dataset = dict(data_prefix=str(tmp_path))
    check_image_files('train', dataset)
    assert not told and not what_is_wrong(str(path))
    path.write_bytes(path.read_bytes()[:-500])
    check_image_files('train', dataset)
    assert '1 of 1 images that were read end too early' in told[0]
    assert what_is_wrong(str(path)) == 'ends too early'


def test_annotations_name_the_images(dataset, tmp_path):
    write(tmp_path / 'a.json', {'0/0.png': 4, '0/gone.png': 4})
    with pytest.raises(FileNotFoundError, match="gone.png' is not there"):
        check_image_files('train', dict(dataset, ann_file='a.json'))


def test_mistakes(dataset):
    with pytest.raises(ValueError, match="check_files must be .* got 'some'"):
        check_image_files('train', dataset, 'some')
