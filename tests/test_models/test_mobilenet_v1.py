"""The ImageNet student that MMPretrain lacks."""

import torch

from mmkd_logit.registry import MODELS


def test_size_and_map():
    with torch.device('meta'):
        net = MODELS.build(dict(type='mmkd_logit.MobileNetV1'))
    parameters = sum(p.numel() for p in net.parameters())
    assert parameters + 1024 * 1000 + 1000 == 4231976
    last_map = net(torch.empty(1, 3, 224, 224, device='meta'))[-1]
    assert last_map.shape == (1, 1024, 7, 7)
