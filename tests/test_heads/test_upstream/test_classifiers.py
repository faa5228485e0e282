"""Samples of classifiers and their targets, without any toolbox."""

import torch
from torch import nn

from mmkd_logit.heads.upstream.classifiers import (
    num_classes,
    one_output,
    targets_of,
    with_targets,
)
from mmkd_logit.structures.logit_pair import LogitPair


class Sample(dict):
    """A data sample with the two things that are read."""

    __getattr__ = dict.__getitem__


MultiLabelClsHead = type(
    'MultiLabelClsHead', (nn.Module,), {'__module__': 'mmpretrain.heads'}
)
LOGITS = torch.arange(12.0).view(3, 4)


def samples(labels):
    return [Sample(gt_label=torch.tensor(one)) for one in labels]


def test_one_label_each_is_taken_as_it_is():
    targets = targets_of(samples([[2], [0], [1]]), nn.Linear(1, 4), LOGITS)
    assert targets[0].tolist() == [2, 0, 1]
    assert targets[1] is None and targets[2] is None
    pair = with_targets(LogitPair(LOGITS, LOGITS), *targets)
    assert pair.labels.tolist() == [2, 0, 1] and pair.weight is None


def test_several_labels_repeat_their_image():
    head = MultiLabelClsHead()
    targets = targets_of(samples([[0, 3], [], [1]]), head, LOGITS)
    pair = with_targets(LogitPair(LOGITS, 2 * LOGITS), *targets)
    assert pair.labels.tolist() == [0, 3, 4, 1]
    assert pair.weight.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert torch.equal(pair.teacher_logits, 2 * LOGITS[[0, 0, 1, 2]])
    assert pair.avg_factor == 3


def test_outputs_are_summed_and_classes_counted():
    assert torch.equal(one_output((LOGITS, LOGITS)), 2 * LOGITS)
    head = nn.Sequential(nn.Linear(2, 5), nn.Linear(5, 7))
    assert num_classes(head) == 7
    head.num_classes = 9
    assert num_classes(head) == 9
