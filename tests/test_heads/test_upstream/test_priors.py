"""Two dense heads must have the same locations and anchors."""

import pytest

pytest.importorskip('mmdet')

from mmkd_logit.heads.dense_cls_logits import DenseClsLogits
from tests.toy_detectors import build_detector, detector, detector_cfg


@pytest.mark.parametrize(
    'student, teacher, message',
    [
        (
            'fcos',
            'retina',
            r'FCOSHead\) has priors per location 1, .*RetinaHead',
        ),
        ('atss', 'fcos', r'priors that are anchors.* points'),
        ('fcos', 'vfnet', r'points with offset 0.5.* 0'),
    ],
)
def test_other_priors_are_refused(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        DenseClsLogits().check(detector(student), detector(teacher))


def test_other_strides_and_anchor_sizes_are_refused():
    student = detector('atss')
    cfg = detector_cfg('atss')
    cfg['bbox_head']['anchor_generator'] = dict(
        cfg['bbox_head']['anchor_generator'], octave_base_scale=4
    )
    with pytest.raises(ValueError, match='level 0 anchors 64x64.* 32x32'):
        DenseClsLogits().check(student, build_detector(cfg))
    cfg['bbox_head']['anchor_generator']['strides'] = [4, 8, 16, 32, 64]
    with pytest.raises(ValueError, match=r'strides \[8, .*\[4, 8'):
        DenseClsLogits().check(student, build_detector(cfg))
