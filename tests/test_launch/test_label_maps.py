"""Segmentation datasets with mistakes that can be seen before training."""

import pytest

from mmkd_logit.launch import label_maps as module
from mmkd_logit.launch.label_maps import check_label_maps, warn_of_another_zero


@pytest.fixture
def dataset(tmp_path):
    """Two images in Cityscapes layout, each with a label map."""
    image = pytest.importorskip('PIL.Image')
    for number in range(2):
        for folder, end in (
            ('leftImg8bit', '_leftImg8bit.png'),
            ('gtFine', '_gtFine_labelTrainIds.png'),
        ):
            path = tmp_path / folder / 'train/ulm' / f'{number}{end}'
            path.parent.mkdir(parents=True, exist_ok=True)
            image.new('L', (4, 3)).save(path)
    return dict(
        type='CityscapesDataset',
        data_root=str(tmp_path),
        data_prefix=dict(
            img_path='leftImg8bit/train', seg_map_path='gtFine/train'
        ),
        img_suffix='_leftImg8bit.png',
        seg_map_suffix='_gtFine_labelTrainIds.png',
        pipeline=[dict(type='LoadAnnotations')],
    )


def test_complete_data_pass(dataset):
    check_label_maps('train_dataloader', dataset)


def test_suffixes_are_the_dataset_s_own_defaults(dataset, tmp_path):
    pytest.importorskip('mmseg')
    del dataset['img_suffix'], dataset['seg_map_suffix']
    check_label_maps('train_dataloader', dataset)
    (tmp_path / 'leftImg8bit/train/ulm/2_leftImg8bit.png').touch()
    with pytest.raises(FileNotFoundError, match='1 of 3 images'):
        check_label_maps('train_dataloader', dataset)


def test_an_image_without_label_map_is_named(dataset, tmp_path):
    (tmp_path / 'gtFine/train/ulm/1_gtFine_labelTrainIds.png').unlink()
    with pytest.raises(
        FileNotFoundError,
        match=r'1 of 2 images .* lacks .*ulm/1_gtFine_labelTrainIds.png',
    ):
        check_label_maps('train_dataloader', dataset)
    check_label_maps('train_dataloader', {**dataset, 'ann_file': 'train.txt'})


@pytest.mark.parametrize('mode, channels', [('RGB', 3), ('RGBA', 4)])
def test_label_maps_in_colour_are_refused(dataset, tmp_path, mode, channels):
    from PIL import Image

    path = tmp_path / 'gtFine/train/ulm/0_gtFine_labelTrainIds.png'
    Image.new('P', (4, 3)).save(path)
    check_label_maps('train_dataloader', dataset)
    Image.new(mode, (4, 3)).save(path)
    with pytest.raises(ValueError, match=f'{channels} channels .{mode}.; exp'):
        check_label_maps('train_dataloader', dataset)
    dataset['pipeline'] = [dict(type='MyColourAnnotations')]
    check_label_maps('train_dataloader', dataset)


def test_palette_needs_a_colour_for_each_class(dataset):
    dataset['metainfo'] = dict(classes=('road', 'sky'), palette=[[0, 0, 0]])
    with pytest.raises(ValueError, match='1 colours for 2 classes'):
        check_label_maps('train_dataloader', dataset)


def test_palette_is_compared_with_the_dataset_s_own_classes(dataset):
    pytest.importorskip('mmseg')
    dataset['metainfo'] = dict(palette=[[0, 0, 0]] * 18)
    with pytest.raises(ValueError, match='18 colours for 19 classes'):
        check_label_maps('train_dataloader', dataset)


@pytest.mark.parametrize(
    'train, val, told',
    [
        (dict(type='BaseSegDataset', reduce_zero_label=True), {}, True),
        (dict(type='ADE20KDataset'), dict(type='ADE20KDataset'), False),
        (dict(type='ADE20KDataset'), {}, True),
        ({}, {}, False),
        (dict(type='ADE20KDataset'), dict(type='mmdet.CocoDataset'), False),
    ],
)
def test_label_0_left_out_on_one_side(monkeypatch, train, val, told):
    pytest.importorskip('mmseg.datasets')
    said = []
    monkeypatch.setattr(
        module, 'print_log', lambda text, *args: said.append(text)
    )
    plain = dict(type='BaseSegDataset')
    config = dict(
        default_scope='mmseg',
        train_dataloader=dict(dataset={**plain, **train}),
        val_dataloader=dict(dataset={**plain, **val}),
    )
    warn_of_another_zero(config, ('train_dataloader', 'val_dataloader'))
    assert [text.partition(' out')[0] for text in said] == (
        ['train_dataloader leaves'] if told else []
    )
