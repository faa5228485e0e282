"""What the tools do with a config before a runner is built."""

import os
import platform
import subprocess
import sys
from argparse import Namespace

import pytest
import torch
from mmengine.config import Config

from mmkd_logit.launch import (
    check_data,
    guard,
    load_config,
    move_data_root,
    set_training_options,
)


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
    (tmp_path / 'annotations/train.json').write_text('{}')
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


def test_guard_is_added_once_and_only_to_distillation():
    config = coco()
    guard(config)
    guard(config)
    assert [h['type'] for h in config.custom_hooks] == [
        'mmkd_logit.KDGuardHook'
    ]
    plain = Config(dict(model=dict(type='FasterRCNN')))
    guard(plain)
    assert not plain.get('custom_hooks')


def test_unknown_hook_names_the_nearest():
    config = coco()
    config.custom_hooks = [dict(type='mmkd_logit.KDWarmUpHook', end=5)]
    with pytest.raises(ValueError, match="mmkd_logit.KDWarmupHook'"):
        guard(config)


def test_a_hook_that_is_a_string_is_named():
    config = coco()
    config.custom_hooks = ["{'type':'mmkd_logit.KDStopHook'"]
    with pytest.raises(TypeError, match='KDStopHook.*into a config file'):
        guard(config)


def test_a_checkpoint_to_resume_from_must_be_there(tmp_path):
    args = Namespace(
        teacher_ckpt=None, amp=False, auto_scale_lr=False, resume='/no.pth'
    )
    with pytest.raises(FileNotFoundError, match="'/no.pth' is not a file"):
        set_training_options(coco(), args)
    for resume, load_from in (
        ('auto', None),
        (str(tmp_path / 'a.pth'), str(tmp_path / 'a.pth')),
    ):
        (tmp_path / 'a.pth').touch()
        args.resume, config = resume, coco()
        set_training_options(config, args)
        assert config.resume and config.load_from == load_from


def test_config_mistakes(tmp_path):
    with pytest.raises(FileNotFoundError, match='is not a file'):
        load_config('/nowhere/config.py')
    (tmp_path / 'a.py').write_text("_base_ = './gone.py'\n")
    with pytest.raises(FileNotFoundError, match='inherits a file.*gone.py'):
        load_config(str(tmp_path / 'a.py'))


def test_preprocessor_beside_the_model_reaches_the_student(tmp_path):
    (tmp_path / 'a.py').write_text(
        'data_preprocessor = dict(mean=[1.])\n'
        "model = dict(type='mmkd_logit.LogitDistiller', "
        "student=dict(type='ImageClassifier'))\n"
    )
    config = load_config(str(tmp_path / 'a.py'), {'model.class_map': [0]})
    assert config.model.student.data_preprocessor.mean == [1.0]
    assert 'data_preprocessor' not in config.model
    assert config.model.class_map == [0]


@pytest.mark.skipif(
    torch.cuda.is_available() or platform.libc_ver()[0] != 'glibc',
    reason='does nothing with a GPU or without glibc',
)
def test_freed_memory_is_used_again():
    program = """
import sys
from resource import RUSAGE_SELF, getrusage
import torch
from mmkd_logit.launch import keep_freed_memory
if sys.argv[1] == 'keep':
    keep_freed_memory()
torch.set_num_threads(1)
for step in range(11):
    if step == 3:
        before = getrusage(RUSAGE_SELF).ru_minflt
    maps = [torch.ones(1 << 21) for _ in range(8)]
    del maps
print(getrusage(RUSAGE_SELF).ru_minflt - before)
"""
    faults = {
        how: int(
            subprocess.run(
                [sys.executable, '-W', 'ignore', '-c', program, how],
                # glibc's way in the worst case, which depends on the past
                env={**os.environ, 'MALLOC_MMAP_THRESHOLD_': '65536'},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()[-1]
        )
        for how in ('keep', 'not')
    }
    assert faults['keep'] < faults['not'] / 4, faults
