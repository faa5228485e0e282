"""Class names against the data."""

import json
import logging

import pytest
from mmengine.config import Config

from mmkd_logit.launch import classes as module
from mmkd_logit.launch.classes import check_classes
from mmkd_logit.launch.data import check_data

LOADERS = ('train_dataloader', 'val_dataloader')
FILE = ('cat', 'dog', 'horse')


def annotations(path, names=FILE, objects=FILE, images=2, **object_settings):
    """A file with one object for each entry of ``objects``."""
    content = dict(
        images=[
            dict(id=i, file_name=f'{i}.png', width=8, height=8)
            for i in range(images)
        ],
        annotations=[
            dict(
                id=i,
                image_id=0,
                bbox=[0, 0, 4, 4],
                area=16,
                **{
                    'category_id': names.index(name) + 1,
                    'segmentation': [[0, 0, 4, 0, 4, 4]],
                    **object_settings,
                },
            )
            for i, name in enumerate(objects)
        ],
        categories=[dict(id=i + 1, name=n) for i, n in enumerate(names)],
    )
    path.write_text(json.dumps(content))
    return str(path)


def coco(path, classes=None, **more):
    dataset = dict(type='CocoDataset', ann_file=path, **more)
    if classes:
        dataset['metainfo'] = dict(classes=classes)
    return dataset


def run(train, val=None):
    config = dict(default_scope='mmdet', train_dataloader=dict(dataset=train))
    if val is not None:
        config['val_dataloader'] = dict(dataset=val)
    check_classes(Config(config), LOADERS)


@pytest.fixture
def warnings(monkeypatch):
    told = []
    monkeypatch.setattr(
        module,
        'print_log',
        lambda text, logger, level: (
            told.append(text) if level == logging.WARNING else None
        ),
    )
    return told


@pytest.fixture(autouse=True)
def mmdet():
    pytest.importorskip('mmdet.datasets')


def test_names_of_the_file_pass(tmp_path, warnings):
    path = annotations(tmp_path / 'a.json')
    run(coco(path, FILE), coco(path, list(FILE)))
    assert not warnings


WRAPPERS = {
    'plain': lambda one, good: one,
    'repeat': lambda one, good: dict(
        type='RepeatDataset', times=2, dataset=one
    ),
    'balanced': lambda one, good: dict(
        type='ClassBalancedDataset', oversample_thr=0.1, dataset=one
    ),
    'mix': lambda one, good: dict(
        type='MultiImageMixDataset',
        pipeline=[],
        dataset=dict(type='RepeatDataset', times=2, dataset=one),
    ),
    'second': lambda one, good: dict(
        type='ConcatDataset', datasets=[good, one]
    ),
}


@pytest.mark.parametrize('wrapper', WRAPPERS)
@pytest.mark.parametrize('loader', [0, 1])
def test_a_misspelt_class_is_found_through_every_wrapper(
    tmp_path, wrapper, loader
):
    path = annotations(tmp_path / 'a.json')
    good = coco(path, FILE)
    bad = WRAPPERS[wrapper](coco(path, ('cta', 'dog', 'horse')), good)
    place = '[1]' if wrapper == 'second' else ''
    name = (
        ('train', 'val')[loader] + r'_dataloader' + place.replace('[', r'\[')
    )
    with pytest.raises(
        ValueError, match=f"{name}.*'cta' is not among.*did you mean 'cat'"
    ):
        run(*[(good, bad), (bad, good)][loader == 0])


@pytest.mark.parametrize(
    'names, classes, message',
    [
        (FILE, None, "none of the 80 classes 'person'.*are 'cat', 'dog'"),
        (FILE, ('Cat', 'Dog'), "upper and lower case count: 'cat', not 'Cat'"),
        (('a',), 'b', "none of the 1 classes 'b'"),
    ],
)
def test_names_of_other_data_are_told(tmp_path, names, classes, message):
    path = annotations(tmp_path / 'a.json', names, objects=names)
    if classes is None:
        path = annotations(tmp_path / 'a.json', ('mitosis', 'cell'), ('cell',))
        message = message.replace("'cat', 'dog'", "'mitosis', 'cell'")
    with pytest.raises(ValueError, match=message):
        run(coco(path, classes))


def test_one_class_as_a_string_is_one_class(tmp_path, warnings):
    path = annotations(tmp_path / 'a.json', ('cell',), ('cell',))
    run(coco(path, 'cell'), coco(path, ('cell',)))
    assert not warnings


def test_labels_follow_the_file(tmp_path, warnings):
    path = annotations(tmp_path / 'a.json')
    run(coco(path, ('dog', 'cat')), coco(path, ('cat', 'dog')))
    assert len(warnings) == 1 and "'cat', 'dog', not in the" in warnings[0]
    other = annotations(tmp_path / 'b.json', FILE[::-1], FILE)
    with pytest.raises(
        ValueError,
        match="train.* and val.*class 0 is 'cat' in the first and 'horse'",
    ):
        run(coco(path, FILE), coco(other, FILE))


def test_validation_on_fewer_classes_is_told(tmp_path):
    path = annotations(tmp_path / 'a.json')
    with pytest.raises(ValueError, match="val_dataloader lacks 'horse'"):
        run(coco(path, FILE), coco(path, FILE[:2]))


def test_concatenated_datasets_may_know_fewer_classes(tmp_path, warnings):
    whole = annotations(tmp_path / 'a.json')
    part = annotations(tmp_path / 'b.json', FILE[:1], FILE[:1])
    run(
        dict(
            type='ConcatDataset',
            datasets=[coco(whole, FILE), coco(part, FILE[:1])],
        ),
        coco(whole, FILE),
    )
    part = annotations(tmp_path / 'b.json', FILE[1:], FILE[1:])
    with pytest.raises(ValueError, match=r'\[0\] and train_dataloader\[1\]'):
        run(
            dict(
                type='ConcatDataset',
                datasets=[coco(whole, FILE), coco(part, FILE[1:])],
            )
        )


@pytest.mark.parametrize(
    'settings, more, message',
    [
        (dict(images=0), {}, 'lists no images'),
        (dict(objects=()), {}, r"no object of the classes 'cat'.*\(0 of"),
        (dict(objects=('horse',)), {}, r'\(1 of other categories\)'),
        (
            dict(segmentation=[]),
            dict(pipeline=[dict(type='LoadAnnotations', with_mask=True)]),
            'annotation 0 of .* has no `segmentation`, but the pipeline',
        ),
    ],
)
def test_a_file_without_anything_to_learn(tmp_path, settings, more, message):
    path = annotations(tmp_path / 'a.json', **settings)
    with pytest.raises(ValueError, match=message):
        run(coco(path, FILE[:2], **more))


def test_a_validation_without_objects_is_told(tmp_path, warnings):
    train = annotations(tmp_path / 'a.json')
    val = annotations(tmp_path / 'b.json', objects=())
    run(coco(train, FILE), coco(val, FILE))
    assert 'val_dataloader' in warnings[0] and 'nothing' in warnings[0]
    assert len(warnings) == 1


@pytest.mark.parametrize('metainfo', [['cat', 'dog'], 'cat'])
def test_metainfo_is_a_dict(tmp_path, metainfo):
    path = annotations(tmp_path / 'a.json')
    with pytest.raises(TypeError, match='`metainfo` of CocoDataset is .*cat'):
        run(dict(coco(path), metainfo=metainfo))


def test_two_categories_of_one_name_are_refused(tmp_path):
    # as exports that begin with the name of the whole data set
    names = ('cat', 'cat', 'dog')
    path = annotations(tmp_path / 'a.json', names, ('dog',))
    with pytest.raises(ValueError, match="2 categories .* the name 'cat'; MM"):
        run(coco(path, ('cat', 'dog')))


def test_shifted_numbers_of_categories_are_told(tmp_path, warnings):
    path = annotations(tmp_path / 'a.json', category_id=0)
    with pytest.raises(ValueError, match='3 of 3 objects have a `category_id'):
        run(coco(path, FILE))
    content = json.loads((tmp_path / 'a.json').read_text())
    for number, one in enumerate(content['annotations']):
        one['category_id'] = number
    (tmp_path / 'a.json').write_text(json.dumps(content))
    run(coco(path, FILE))
    assert '1 of 3 objects have a `category_id` that is none' in warnings[0]


def test_regions_of_crowds_alone_are_nothing_to_learn(tmp_path):
    path = annotations(tmp_path / 'a.json', iscrowd=1)
    with pytest.raises(ValueError, match='no object of the classes'):
        run(coco(path, FILE))


def test_kinds_that_number_classes_in_their_own_way(tmp_path, warnings):
    path = annotations(tmp_path / 'a.json')
    content = json.loads((tmp_path / 'a.json').read_text())
    content['categories'].reverse()
    (tmp_path / 'b.json').write_text(json.dumps(content))
    val = str(tmp_path / 'b.json')
    kind = dict(type='Objects365V1Dataset')  # by the ids
    run(dict(coco(path, FILE), **kind), dict(coco(val, FILE), **kind))
    kind = dict(type='LVISV1Dataset')  # by the ids, whatever the names are
    run(dict(coco(path, ('a', 'b', 'c')), **kind))
    content['annotations'] = [
        dict(image_id=0, file_name='0.png', segments_info=[])
    ]
    (tmp_path / 'b.json').write_text(json.dumps(content))
    run(dict(coco(val, FILE[::-1]), type='CocoPanopticDataset'))
    assert not warnings


def test_classes_without_objects_are_named(tmp_path, warnings):
    run(coco(annotations(tmp_path / 'a.json', objects=FILE[:1]), FILE))
    assert "no object of 2 of 3 classes: 'dog', 'horse'" in warnings[0]


def test_a_broken_file_is_one_sentence(tmp_path):
    (tmp_path / 'a.json').write_text('[1, 2]')
    with pytest.raises(ValueError, match='no annotation file of COCO'):
        run(coco(str(tmp_path / 'a.json'), FILE))


def test_a_large_file_is_searched_for_its_categories(tmp_path, monkeypatch):
    from mmkd_logit.launch import coco_file

    monkeypatch.setattr(coco_file, '_WHOLE', 10)
    path = annotations(tmp_path / 'a.json', objects=())
    assert coco_file.read_coco_file('x', path)[:2] == (FILE, None)
    with pytest.raises(ValueError, match="'cta' is not among"):
        run(coco(path, ('cta', 'dog')))


def test_a_missing_second_file_is_named(tmp_path):
    path = annotations(tmp_path / 'a.json')
    dataset = dict(
        type='ConcatDataset',
        datasets=[coco(path, FILE), coco(str(tmp_path / 'b.json'), FILE)],
    )
    config = Config(
        dict(default_scope='mmdet', train_dataloader=dict(dataset=dataset))
    )
    with pytest.raises(FileNotFoundError, match=r'finds no .*b.json'):
        check_data(config)


def folders(root, *names):
    for name in names:
        (root / name).mkdir(parents=True)
    return dict(
        type='mmpretrain.CustomDataset', data_prefix=str(root), pipeline=[]
    )


@pytest.fixture
def mmpretrain():
    pytest.importorskip('mmpretrain.datasets')


def test_folders_of_train_and_val(tmp_path, mmpretrain):
    train = folders(tmp_path / 'train', *FILE)
    run(train, folders(tmp_path / 'val', *FILE))
    with pytest.raises(ValueError, match="class 1 is 'dog'.*lacks 'dog'"):
        run(train, folders(tmp_path / 'less', 'cat', 'horse'))


@pytest.mark.parametrize(
    'classes, message',
    [
        (('dog', 'cat', 'horse'), 'alphabetical order.*write them in this'),
        (('cat', 'dog', 'hrose'), "no folder 'hrose'; 'horse' is no class"),
        (('one', 'two'), '3 folders .* for the 2 classes'),
    ],
)
def test_folders_and_names_of_the_config(
    tmp_path, mmpretrain, classes, message
):
    dataset = dict(folders(tmp_path / 'train', *FILE), classes=classes)
    with pytest.raises(ValueError, match=message):
        run(dataset)


def test_names_for_people_stand_for_folders(tmp_path, mmpretrain):
    dataset = folders(tmp_path / 'train', 'n01', 'n02')
    run(dict(dataset, classes=('tench', 'goldfish')), dataset)
    (tmp_path / 'val.txt').write_text('a.png 0\n')
    listed = dict(
        dataset,
        ann_file=str(tmp_path / 'val.txt'),
        classes=('tench', 'goldfish'),
    )
    run(dataset, listed)
    with pytest.raises(ValueError, match='class 0 is .n01. .* and .goldfish'):
        run(dataset, dict(listed, classes=('goldfish', 'n01')))
