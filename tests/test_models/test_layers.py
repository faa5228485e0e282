import pytest
import torch

from mmkd_logit.models.layers import (
    blocks_per_stage,
    conv,
    projection,
    shuffle,
    stem_conv,
)


def test_convolutions_keep_the_size_and_have_no_bias():
    layer = conv(4, 6, 3, groups=2)
    assert layer.bias is None and layer.weight.shape == (6, 2, 3, 3)
    assert layer(torch.zeros(1, 4, 5, 7)).shape == (1, 6, 5, 7)
    assert conv(4, 6, 1, bias=True).bias.shape == (6,)


def test_the_stem_of_large_images_halves_them():
    images = torch.zeros(1, 3, 8, 8)
    assert stem_conv(2, 3, 1, large_input=False)(images).shape[2:] == (8, 8)
    stem = stem_conv(2, 3, 1, large_input=True)
    assert stem.kernel_size == (7, 7)
    assert stem(images).shape[2:] == (4, 4)


def test_a_shortcut_is_projected_only_where_shapes_differ():
    assert projection(4, 4, 1) is None
    for channels, stride in ((6, 1), (4, 2)):
        shortcut = projection(4, channels, stride)
        out = shortcut(torch.zeros(2, 4, 6, 6))
        assert out.shape == (2, channels, 6 // stride, 6 // stride)


def test_shuffle_reads_the_channels_of_all_groups_in_turn():
    x = torch.arange(6).view(1, 6, 1, 1)
    assert shuffle(x, 2).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert shuffle(x, 3).flatten().tolist() == [0, 2, 4, 1, 3, 5]


def test_depth_is_a_whole_number_of_blocks():
    assert blocks_per_stage('net', 20, 6, 2) == 3
    for depth in (21, 2):
        with pytest.raises(
            ValueError, match=rf'net: .* 6 \* n \+ 2 \(8, 14, 20.*got {depth}'
        ):
            blocks_per_stage('net', depth, 6, 2)
