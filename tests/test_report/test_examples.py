"""Predictions of real students on the same images."""

import numpy as np
import pytest
import torch

pytest.importorskip('mmdet')
pytest.importorskip('sklearn')

from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement

from demo.layouts import write_cityscapes, write_coco
from mmkd_logit.launch import load_config, move_data_root
from mmkd_logit.report import collect
from mmkd_logit.report.examples import _Classes, _Detections, draw_examples
from mmkd_logit.report.runs import Group
from tests.test_report.fake_runs import STUDENT, write_run


def run_of(folder, config, data):
    """A work dir with a real dumped config and random weights."""
    from mmkd_logit.distillers.build import build_model

    cfg = load_config(config)
    move_data_root(cfg, str(data))
    write_run(folder, STUDENT, [0.1])
    cfg.dump(str(next(folder.glob('*')) / 'vis_data' / 'config.py'))
    model = cfg.model.get('student', cfg.model)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        state = build_model(model, 'student').state_dict()
    torch.save(dict(state_dict=state), folder / 'iter_2.pth')
    return collect(str(folder))


def test_detections_of_a_plain_and_a_distilled_student(tmp_path):
    data = write_coco(tmp_path / 'coco', counts=(2, 3))
    groups = [
        Group(name, [run_of(tmp_path / name, f'configs/demo/{name}.py', data)])
        for name in ('faster_rcnn_student', 'faster_rcnn_dkd')
    ]
    drawn = draw_examples(groups, 2)
    assert len(drawn['images']) == 2 and '2 of 3' in drawn['note']
    for image in drawn['images']:
        names = [view['name'] for view in image['views']]
        assert names == ['ground truth', *(group.name for group in groups)]
        assert all(
            view['data'].startswith('data:image/png;base64,')
            for view in image['views']
        )
        assert 'objects' in image['views'][0]['text']
    (groups[0].runs[0].folder / 'iter_2.pth').unlink()
    bare = groups[0].runs[0]._replace(checkpoint=None)
    with pytest.raises(ValueError, match='has no checkpoint to draw'):
        draw_examples([Group('a', [bare])], 1)


@pytest.mark.parametrize('factor', [1.0, 2.0])
def test_true_boxes_lie_on_the_original_image(monkeypatch, factor):
    """Wherever the pipeline loads its annotations."""
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    detections = _Detections(dict(classes=('a', 'b')))
    drawn = []
    monkeypatch.setattr(
        detections, '_draw', lambda image, sample, **_: drawn.append(sample)
    )
    sample = DetDataSample(
        metainfo=dict(scale_factor=(2.0, 2.0)),
        gt_instances=InstanceData(
            bboxes=factor * torch.tensor([[10.0, 5.0, 50.0, 35.0]])
        ),
    )
    objects = [
        dict(bbox=[10.0, 5.0, 50.0, 35.0], bbox_label=1, ignore_flag=0),
        dict(bbox=[0.0, 0.0, 60.0, 40.0], bbox_label=0, ignore_flag=1),
    ]
    image = np.zeros((40, 60, 3), np.uint8)
    (view,) = detections.truth(image, sample, dict(instances=objects))
    assert view['text'] == '1 objects'
    assert drawn[0].gt_instances.bboxes.tolist() == [[10.0, 5.0, 50.0, 35.0]]
    assert drawn[0].gt_instances.labels.tolist() == [1]
    (view,) = detections.truth(image, sample, {})
    assert view['text'] == '0 objects' and len(drawn[1].gt_instances) == 0


def test_label_maps_have_a_legend(tmp_path):
    pytest.importorskip('mmseg')
    data = write_cityscapes(tmp_path / 'seg', counts=(2, 2))
    run = run_of(tmp_path / 'fcn', 'configs/demo/fcn_student.py', data)
    drawn = draw_examples([Group('fcn', [run])], 1)
    names = [name for name, _ in drawn['legend']]
    assert len(names) == 12 and names[0] == '0' and names[-1] == 'no label'
    views = drawn['images'][0]['views']
    assert [view['name'] for view in views] == ['image', 'labels', 'fcn']
    assert views[2]['text'].endswith('of the pixels right')


def test_the_five_best_classes_stand_below_each_other():
    classes = _Classes(dict(classes=list('abcdef')))
    result = BaseDataElement(
        pred_score=torch.tensor([0.1, 0.3, 0.0, 0.2, 0.25, 0.15]),
        gt_label=torch.tensor([3]),
    )
    view = classes.prediction(np.zeros((2, 2, 3)), result)
    assert view['text'].split('\n')[1:] == [
        '· b 0.30',
        '· e 0.25',
        '✓ d 0.20',
        '· f 0.15',
        '· a 0.10',
    ]
    assert not view['data']  # the image stands beside the label


def test_runs_of_two_toolboxes_are_refused(tmp_path):
    run = collect(write_run(tmp_path / 'a', STUDENT, [0.1]))
    other = run._replace(scope='mmseg')
    with pytest.raises(ValueError, match='of different toolboxes'):
        draw_examples([Group('a', [run]), Group('b', [other])], 1)
