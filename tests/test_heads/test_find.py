"""Finding the reader of a head."""

import pytest
from torch import nn

from mmkd_logit.heads import DEFAULT_READERS, find_reader


class Model(nn.Module):
    """Of no family."""


@pytest.mark.parametrize(
    'module, named, unnamed',
    [
        ('mmdet.models.detectors.toy', 'mmdet two-stage', 'mmpretrain'),
        ('mmpretrain.models.toy', 'mmpretrain image classifiers', 'mmdet'),
        ('mmseg.models.toy', 'mmseg segmentors', 'mmpretrain'),
    ],
)
def test_a_user_is_told_the_families_of_the_toolbox(
    monkeypatch, module, named, unnamed
):
    monkeypatch.setattr(Model, '__module__', module)
    with pytest.raises(ValueError, match='no logit reader fits') as caught:
        find_reader(Model())
    assert named in str(caught.value) and unnamed not in str(caught.value)


def test_a_model_of_no_toolbox_is_told_all_families():
    with pytest.raises(ValueError, match='no logit reader fits') as caught:
        find_reader(Model())
    assert all(r.family in str(caught.value) for r in DEFAULT_READERS)
