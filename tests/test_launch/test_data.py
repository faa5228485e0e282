"""Where a config's data lies, and whether it is there."""

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS

from mmkd_logit.launch import check_data, move_data_root
from mmkd_logit.launch.data import check_paths, training_loaders


def coco(root='data/coco/'):
    dataset = dict(
        type='CocoDataset',
        data_root=root,
        ann_file='annotations/train.json',
        data_prefix=dict(img='train2017/'),
    )
    return Config(
        dict(
            data_root=root,
            train_dataloader=dict(
                dataset=dict(type='RepeatDataset', dataset=dict(dataset))
            ),
            val_dataloader=dict(dataset=dict(dataset)),
            val_evaluator=dict(ann_file=f'{root}annotations/train.json'),
            model=dict(type='mmkd_logit.LogitDistiller'),
        )
    )


def test_data_root_moves_loaders_and_evaluators(tmp_path):
    config = coco()
    move_data_root(config, str(tmp_path))
    assert (
        config.val_evaluator.ann_file == f'{tmp_path}/annotations/train.json'
    )
    inner = config.train_dataloader.dataset.dataset
    assert inner.data_root == f'{tmp_path}/' == config.data_root
    assert inner.ann_file == 'annotations/train.json'


def test_data_root_without_a_dataset_is_a_mistake():
    with pytest.raises(ValueError, match='no dataset.*data_root'):
        move_data_root(Config(dict(model=dict())), '/data')


def test_missing_data_names_the_layout_and_the_switch(tmp_path):
    config = coco(f'{tmp_path}/')
    with pytest.raises(
        FileNotFoundError,
        match='annotations/train.json, train2017.*--data-root',
    ):
        check_data(config)
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'train2017').mkdir()
    (tmp_path / 'annotations/tarin.json').write_text('{}')
    with pytest.raises(FileNotFoundError, match='you mean .*/tarin.json'):
        check_paths(config)
    (tmp_path / 'annotations/train.json').write_text('{}')
    check_paths(config)
    check_data(config)


def test_panoptic_maps_are_wanted_where_they_are_loaded(tmp_path):
    # as Mask2Former for instances inherits them from the panoptic one
    config = coco(f'{tmp_path}/')
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'train2017').mkdir()
    (tmp_path / 'annotations/train.json').write_text('{}')
    dataset = config.val_dataloader.dataset
    dataset.data_prefix.seg = 'annotations/panoptic/'
    dataset.pipeline = [dict(type='LoadAnnotations', with_mask=True)]
    check_data(config)
    for step in (
        dict(type='LoadAnnotations', with_seg=True),
        dict(type='mmdet.LoadPanopticAnnotations'),
    ):
        dataset.pipeline = [step]
        with pytest.raises(FileNotFoundError, match='annotations/panoptic'):
            check_data(config)


@pytest.mark.parametrize(
    'kind, expected',
    [
        ('mmpretrain.ImageNet', "'data': train. Pass"),
        ('CUB', "'data': images, images.txt, train_test_split.txt. Pass"),
    ],
)
def test_datasets_that_know_their_files_name_them(kind, expected):
    dataset = dict(type=kind, data_root='data', split='train')
    config = Config(dict(train_dataloader=dict(dataset=dataset)))
    with pytest.raises(FileNotFoundError, match=expected):
        check_data(config)


def test_missing_label_maps_name_their_suffix(tmp_path):
    loader = dict(
        dataset=dict(
            type='CityscapesDataset',
            data_root=f'{tmp_path}/',
            data_prefix=dict(img_path='images', seg_map_path='gtFine/train'),
        )
    )
    config = Config(dict(train_dataloader=loader))
    with pytest.raises(FileNotFoundError, match='images, gtFine/train. Pass'):
        check_data(config)
    (tmp_path / 'images').mkdir()
    (tmp_path / 'gtFine/train/ulm').mkdir(parents=True)
    (tmp_path / 'gtFine/train/ulm/0_gtFine_labelIds.png').touch()
    with pytest.raises(
        FileNotFoundError, match=r'\*_gtFine_labelTrainIds.png.*cityscapes.py'
    ):
        check_data(config)
    config.train_dataloader.dataset.seg_map_suffix = '_gtFine_labelIds.png'
    check_data(config)


def mnist(**changes):
    dataset = dict(type='ToyMNIST', data_root='/nowhere/mnist', **changes)
    return Config(dict(train_dataloader=dict(dataset=dataset)))


@DATASETS.register_module(force=True)
class ToyMNIST:
    """Has the switch of MMPretrain's MNIST and CIFAR."""

    def __init__(self, data_root, download: bool = True):
        pass


def test_datasets_that_fetch_themselves_need_no_files():
    check_data(mnist())
    check_data(mnist(download=True))
    with pytest.raises(FileNotFoundError, match="finds no '/nowhere/mnist'"):
        check_data(mnist(download=False))
    config = mnist()
    config.train_dataloader.dataset.type = ToyMNIST
    check_data(config)
    config.train_dataloader.dataset.type = 'ToyUnknown'
    with pytest.raises(FileNotFoundError, match="finds no '/nowhere/mnist'"):
        check_data(config)


@pytest.mark.parametrize(
    'name', ['MNIST', 'FashionMNIST', 'CIFAR10', 'CIFAR100']
)
def test_mmpretrains_datasets_that_fetch_themselves(name):
    pytest.importorskip('mmpretrain')
    for kind, scope in ((name, 'mmpretrain'), (f'mmpretrain.{name}', None)):
        dataset = dict(type=kind, data_root='/nowhere', data_prefix='x')
        check_data(
            Config(
                dict(
                    default_scope=scope, train_dataloader=dict(dataset=dataset)
                )
            )
        )


def test_a_training_looks_only_at_what_it_uses(tmp_path):
    here, gone = dict(type='A'), dict(type='A', data_root='/nowhere')
    config = Config(
        dict(
            train_dataloader=dict(dataset=here),
            val_dataloader=dict(dataset=gone),
            test_dataloader=dict(dataset=gone),
            val_cfg=None,
        )
    )
    assert training_loaders(config) == ('train_dataloader',)
    check_data(config, training_loaders(config))
    config.val_cfg = dict()
    with pytest.raises(FileNotFoundError, match='^val_dataloader finds no'):
        check_data(config, training_loaders(config))


def test_the_second_of_two_joined_datasets_is_looked_at(tmp_path):
    datasets = [
        dict(type='A', data_root=str(tmp_path)),
        dict(type='A', data_root=str(tmp_path / 'gone')),
    ]
    joined = dict(dataset=dict(type='ConcatDataset', datasets=datasets))
    with pytest.raises(FileNotFoundError, match='finds no .*gone'):
        check_data(Config(dict(train_dataloader=joined)))
