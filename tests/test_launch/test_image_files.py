"""Images that are missing or broken are found before training."""

import json

import pytest
from PIL import Image

from mmkd_logit.launch.image_files import check_image_files


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


def test_annotations_name_the_images(dataset, tmp_path):
    images = [dict(file_name='0/0.png'), dict(file_name='0/gone.png')]
    (tmp_path / 'a.json').write_text(json.dumps(dict(images=images)))
    with pytest.raises(FileNotFoundError, match="gone.png' is not there"):
        check_image_files('train', dict(dataset, ann_file='a.json'))


def test_mistakes(dataset):
    with pytest.raises(ValueError, match="check_files must be .* got 'some'"):
        check_image_files('train', dataset, 'some')
