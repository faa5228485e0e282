"""Lists of images: their lines, labels and annotation files."""

import logging

import pytest
from mmengine.config import Config
from PIL import Image

from mmkd_logit.launch import listed_files as module
from mmkd_logit.launch.data import check_data
from mmkd_logit.launch.datasets import dataset_class
from mmkd_logit.launch.listed_files import listed_images


def check(dataset, scope=None, model=None):
    config = dict(default_scope=scope, train_dataloader=dict(dataset=dataset))
    config['model'] = model
    check_data(Config(config), ('train_dataloader',))


@pytest.fixture
def labels(tmp_path):
    """Two images in folders, and a list of them."""
    pytest.importorskip('mmpretrain.datasets')
    for name in ('cat', 'dog'):
        (tmp_path / name).mkdir()
        Image.new('RGB', (4, 4)).save(tmp_path / name / '1.png')

    def write(text, **more):
        (tmp_path / 'train.txt').write_text(text)
        check(
            dict(
                type='mmpretrain.CustomDataset',
                data_root=str(tmp_path),
                ann_file='train.txt',
                pipeline=[],
                **more,
            )
        )

    return write


@pytest.mark.parametrize('classes', [None, ('cat', 'dog')])
def test_a_good_list(labels, classes):
    labels('cat/1.png 0\ndog/1.png 1\n', classes=classes)
    labels('cat/1.png\ndog/1.png', with_label=False)


@pytest.mark.parametrize(
    'text, error, message',
    [
        ('', ValueError, 'train.txt. is empty'),
        ('cat/1.png 0\n\n', ValueError, "line 2 of .* is ''; expected the"),
        ('cat/1.png cat\n', ValueError, "line 1 .* is 'cat/1.png cat'"),
        ('cat/1.png,0\n', ValueError, "line 1 .* is 'cat/1.png,0'"),
        ('cat/1.png -1\n', ValueError, 'has the class -1, expected 0 to 1'),
        ('cat/1.png 2\n', ValueError, 'class 2, expected 0 to 1; .*from 0'),
        ('cat/2.png 0\n', FileNotFoundError, "cat/2.png' is not there"),
    ],
)
def test_a_line_that_cannot_be_used(labels, text, error, message):
    with pytest.raises(error, match=f'train_dataloader.*{message}'):
        labels(text, classes=('cat', 'dog'))


def test_labels_are_those_of_the_head(tmp_path, labels):
    labels('cat/1.png 0\n')
    dataset = dict(
        type='mmpretrain.CustomDataset',
        data_root=str(tmp_path),
        ann_file='train.txt',
    )
    check(dataset, model=dict(head=dict(num_classes=1)))
    (tmp_path / 'train.txt').write_text('cat/1.png 1\n')
    with pytest.raises(ValueError, match='has the class 1, expected 0 to 0'):
        check(dataset, model=dict(head=dict(num_classes=1)))


def test_labels_that_folders_contradict_are_told(labels, monkeypatch):
    told = []
    monkeypatch.setattr(
        module, 'print_log', lambda text, *args: told.append(text)
    )
    labels('cat/1.png 0\ndog/1.png 1\n', classes=('cat', 'dog'))
    labels('cat/1.png 1\ndog/1.png 0\n', classes=('tench', 'goldfish'))
    assert not told
    labels('cat/1.png 1\ndog/1.png 0\n', classes=('cat', 'dog'))
    assert "folder 'cat' the class 1, which is 'dog'; so do 2" in told[0]


@pytest.mark.parametrize('kind', ['mmpretrain.CustomDataset', 'mmseg'])
def test_folders_without_an_image_of_their_ending(tmp_path, labels, kind):
    for path in tmp_path.rglob('*.png'):
        path.rename(path.with_suffix('.tga'))
    dataset = dict(type=kind, data_prefix=str(tmp_path))
    if kind == 'mmseg':
        pytest.importorskip('mmseg.datasets')
        prefix = dict(img_path=str(tmp_path))
        dataset = dict(type='mmseg.BaseSegDataset', data_prefix=prefix)
    with pytest.raises(FileNotFoundError, match='finds no image.* below'):
        check(dataset)
    check(dict(dataset, extensions=('.tga',)))


def test_lists_of_segmentation_name_images_without_their_ending(tmp_path):
    pytest.importorskip('mmseg.datasets')
    for folder, ending in (('img', 'jpg'), ('ann', 'png')):
        (tmp_path / folder).mkdir()
        Image.new('L', (4, 4)).save(tmp_path / folder / f'a.{ending}')
    dataset = dict(
        type='BaseSegDataset',
        data_root=str(tmp_path),
        ann_file='train.txt',
        data_prefix=dict(img_path='img', seg_map_path='ann'),
    )
    (tmp_path / 'train.txt').write_text('a\n')
    check(dataset, 'mmseg')
    (tmp_path / 'train.txt').write_text('a.jpg\n')
    with pytest.raises(FileNotFoundError, match="a.jpg.jpg' is not there"):
        check(dataset, 'mmseg')


XML = '<annotation>{}</annotation>'
OBJECT = '<object><name>{}</name></object>'


@pytest.fixture
def voc(tmp_path):
    pytest.importorskip('mmdet.datasets')
    for folder in ('JPEGImages', 'Annotations'):
        (tmp_path / 'VOC2007' / folder).mkdir(parents=True)
    Image.new('RGB', (4, 4)).save(tmp_path / 'VOC2007/JPEGImages/a.jpg')
    (tmp_path / 'train.txt').write_text('a\n')

    def write(*names, classes=('cat', 'dog')):
        text = XML.format(''.join(map(OBJECT.format, names)))
        (tmp_path / 'VOC2007/Annotations/a.xml').write_text(text)
        dataset = dict(
            type='VOCDataset',
            data_root=str(tmp_path),
            ann_file='train.txt',
            data_prefix=dict(sub_data_root='VOC2007/'),
            metainfo=dict(classes=classes),
        )
        check(dataset, 'mmdet')
        return listed_images(dataset, dataset_class(dataset, 'mmdet'))

    return write


def test_names_of_objects(voc, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(
        module,
        'print_log',
        lambda text, logger, level: told.append((text, level)),
    )
    image = str(tmp_path / 'VOC2007/JPEGImages/a.jpg')
    assert voc('cat', 'dog') == voc('cat') == voc() == [image]
    voc('cat', 'bird', 'dog')  # a class that is left out
    assert not told
    voc('cat', 'dogs')
    assert "the class 'dog', and" in told[0][0] and "'dogs': 1" in told[0][0]
    assert told[0][1] == logging.WARNING
    with pytest.raises(ValueError, match="no object in 1 .* there are 'Cat'"):
        voc('Cat', 'Dog')


def test_annotation_files(voc, tmp_path):
    voc('cat')
    (tmp_path / 'train.txt').write_text('b\n')
    with pytest.raises(FileNotFoundError, match="b.xml' is not there"):
        voc('cat')
    (tmp_path / 'train.txt').write_text('a\n')
    file = tmp_path / 'VOC2007/Annotations/a.xml'
    voc('cat')
    file.write_text('<annotation>')
    with pytest.raises(ValueError, match="a.xml' is no XML"):
        check(
            dict(
                type='VOCDataset',
                data_root=str(tmp_path),
                ann_file='train.txt',
                data_prefix=dict(sub_data_root='VOC2007/'),
            ),
            'mmdet',
        )
