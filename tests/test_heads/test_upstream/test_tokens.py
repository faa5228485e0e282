"""Patch tokens as maps, with a backbone written for the purpose."""

import torch
from torch import nn

from mmkd_logit.heads.upstream.observe import observe
from mmkd_logit.heads.upstream.tokens import (
    averaged,
    averages_tokens,
    note_patches,
)
from tests.toys import seeded


class Averaging(nn.Module):
    """Ends as MMPretrain's ViT with ``out_type='avg_featmap'`` does."""

    out_type = 'avg_featmap'
    num_extra_tokens = 1

    def __init__(self):
        super().__init__()
        self.ln2 = nn.LayerNorm(3)

    def _format_output(self, x, hw):
        return self.ln2(x[:, self.num_extra_tokens :].mean(1))

    def forward(self, x):
        return (self._format_output(x, (2, 3)),)


def test_patches_are_a_map_and_its_mean_is_the_output():
    backbone, seen = Averaging(), []
    tokens = torch.randn(2, 7, 3, generator=seeded(0))
    noting = note_patches(backbone, seen.append)
    with observe(backbone, '_format_output', noting):
        output = backbone(tokens)[0]
    (maps,) = seen
    assert maps.shape == (2, 3, 2, 3)
    # row by row: token 1 + 3 y + x is at (y, x)
    for y in range(2):
        for x in range(3):
            assert torch.equal(maps[:, :, y, x], tokens[:, 1 + 3 * y + x])
    torch.testing.assert_close(averaged(backbone, maps.mean((2, 3))), output)


def test_backbones_that_average_themselves_are_known():
    backbone = Averaging()
    assert averages_tokens(backbone)
    backbone.out_type = 'featmap'
    assert not averages_tokens(backbone)
    assert not averages_tokens(nn.Linear(2, 2))
    backbone.out_type = 'avg_featmap'
    backbone._format_output = lambda x: x
    assert not averages_tokens(backbone)
