"""Values of label maps, seen before training."""

import numpy as np
import pytest

from mmkd_logit.launch import label_values
from mmkd_logit.launch.label_values import check_label_values

pytest.importorskip('mmseg.datasets')
from PIL import Image  # noqa: E402


@pytest.fixture
def told(monkeypatch):
    lines = []
    monkeypatch.setattr(
        label_values, 'print_log', lambda text, *more: lines.append(text)
    )
    return lines


def dataset(folder, labels, size=(6, 8), **more):
    """Images and one label map for each entry of ``labels``."""
    for name in ('images', 'labels'):
        (folder / name).mkdir()
    for number, label in enumerate(labels):
        image = np.zeros((*size, 3), np.uint8)
        Image.fromarray(image).save(folder / f'images/{number}.jpg')
        if not isinstance(label, Image.Image):
            label = Image.fromarray(np.asarray(label))
        label.save(folder / f'labels/{number}.png')
    return dict(
        type='BaseSegDataset',
        data_root=str(folder),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        metainfo=dict(classes=('road', 'car', 'sky')),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
        **more,
    )


def values(*some):
    labels = np.zeros((6, 8), np.uint8)
    labels.flat[: len(some)] = some
    return labels


def test_all_classes_pass_silently(tmp_path, told):
    check_label_values('train', dataset(tmp_path, [values(1, 2, 255)]))
    assert not told


@pytest.mark.parametrize(
    'label', [values(255, 255), Image.new('1', (8, 6)), values()]
)
def test_one_class_alone_is_told_with_its_count(tmp_path, told, label):
    if isinstance(label, Image.Image):
        label.putpixel((0, 0), 1)
    config = dataset(tmp_path, [label, label])
    config['pipeline'][1]['imdecode_backend'] = 'cv2'  # 1 bit as 0 and 255
    check_label_values('train', config)
    assert len(told) == 1
    assert 'hold 1 of 3 classes (0: 9' in told[0]
    if np.asarray(label).any():
        assert '255 is ignored: if it stands for a class' in told[0]


@pytest.mark.parametrize(
    'label, message',
    [
        (np.zeros((3, 4), np.uint8), r'has 3 x 4 pixels, its image .* 6 x 8'),
        (values(1, 7), r'hold 0: 46 pixels, 1: 1 pixels, 7: 1 pixels, but'),
        (
            np.full((6, 8), 256, np.uint16),
            'has 16 bits and values up to 256, of which',
        ),
    ],
)
def test_maps_that_cannot_be_trained_on(tmp_path, label, message):
    with pytest.raises(ValueError, match=message):
        check_label_values('train', dataset(tmp_path, [label]))


@pytest.mark.parametrize(
    'file, size, problem',
    [
        ('labels/0.png', 0, 'has 0 bytes'),
        ('labels/0.png', 45, 'is no image|ends too early'),
        ('images/0.jpg', 100, 'is no image|ends too early'),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, file, size, problem):
    built = dataset(tmp_path, [values(1, 2)])
    path = tmp_path / file
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=f"train: .*{file}' ({problem})"):
        check_label_values('train', built)


def test_one_name_stands_for_object_and_background(tmp_path, told):
    config = dataset(tmp_path, [values(1, 1)])
    config['metainfo'] = dict(classes=('crack',))
    check_label_values('train', config)
    assert not told


def test_values_are_those_of_training(tmp_path, told):
    # 0 becomes 255, and 1 and 2 become 0 and 1
    check_label_values(
        'train', dataset(tmp_path, [values(1, 2, 3)], reduce_zero_label=True)
    )
    assert not told


def test_a_dataset_with_steps_of_its_own_is_left_alone(tmp_path, told):
    config = dataset(tmp_path, [values(9)])
    config['pipeline'][1]['type'] = 'LoadMyLabels'
    check_label_values('train', config)
    assert not told
