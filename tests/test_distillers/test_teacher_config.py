"""What a config says about a teacher."""

import pytest
from mmengine.config import Config

from mmkd_logit.distillers.teacher_config import claims_for, read_model_config
from tests.toys import distiller_config

MODEL = dict(type='mmkd_logit.ToyModel')
FILES = dict(
    type='CustomDataset',
    metainfo=dict(classes=('a', 'b')),
    pipeline=[dict(type='LoadImageFromFile')],
)


def whole(**more):
    return dict(
        model=MODEL,
        default_scope='mmengine',
        train_dataloader=dict(dataset=FILES),
        **more,
    )


def test_a_models_dict_is_a_config_without_data():
    found = read_model_config(MODEL)
    assert found.model == MODEL and found.source == (
        'the dict given as teacher'
    )
    assert found.classes is found.loads_rgb is found.weights is None
    assert found.claims == {}


def test_a_whole_config_says_classes_scope_and_order_of_colours(tmp_path):
    config = Config(whole(data_preprocessor=dict(mean=[1.0])))
    config.dump(tmp_path / 'teacher.py')
    for source in (config, str(tmp_path / 'teacher.py')):
        found = read_model_config(source)
        assert found.classes == ('a', 'b') and found.scope == 'mmengine'
        assert found.loads_rgb is False
        assert found.model.data_preprocessor.mean == [1.0]
    assert 'data_preprocessor' not in config.model  # a copy was changed


def test_one_class_given_as_a_string_is_one_class(tmp_path):
    config = whole()
    config['train_dataloader'] = dict(
        dataset=dict(FILES, metainfo=dict(classes='cell'))
    )
    assert read_model_config(config).classes == ('cell',)
    (tmp_path / 'names.txt').write_text('a\nb\n')
    names = str(tmp_path / 'names.txt')
    for written in (dict(metainfo=dict(classes=names)), dict(classes=names)):
        config['train_dataloader'] = dict(dataset=dict(FILES, **written))
        assert read_model_config(config).classes == ('a', 'b')


def test_a_distilled_student_may_teach():
    found = read_model_config(dict(model=distiller_config('a.pth')))
    assert found.model == MODEL


def test_a_config_of_a_toolbox_brings_its_weights_and_what_it_claims():
    pytest.importorskip('mmdet')
    found = read_model_config('mmdet::retinanet/retinanet_r18_fpn_1x_coco.py')
    assert found.scope == 'mmdet' and len(found.classes) == 80
    assert found.weights.endswith('.pth') and found.loads_rgb is False
    assert 0.3 < found.claims['coco/bbox_mAP'] < 0.33  # 31.7 in the metafile
    kept = f'/a/folder/{found.weights.rpartition("/")[2]}'
    assert claims_for(found, kept) == found.claims
    assert claims_for(found, 'my_fine_tuned.pth') == {}


@pytest.mark.parametrize(
    'source, error, message',
    [
        ('/no/where.py', FileNotFoundError, "'/no/where.py' is not a file"),
        ('mmdat::a.py', ValueError, "knows no package 'mmdat'"),
        (dict(optimizer={}), ValueError, 'has no model'),
        (3, TypeError, 'a config path, `package::path` or a dict, got int'),
    ],
)
def test_mistakes_are_one_sentence(source, error, message):
    with pytest.raises(error, match=message):
        read_model_config(source)


def test_a_config_that_a_toolbox_does_not_have():
    pytest.importorskip('mmdet')
    with pytest.raises(FileNotFoundError, match='not among the configs of mm'):
        read_model_config('mmdet::no/such.py')
