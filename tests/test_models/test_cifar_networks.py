"""All 23 networks against what was measured on the official code."""

import json

import numpy as np
import pytest
import torch

from mmkd_logit.checkpoints.mdistiller import from_mdistiller, to_mdistiller
from mmkd_logit.models import CIFAR_NETWORKS
from mmkd_logit.models.cifar_zoo import cifar_classifier, cifar_network
from mmkd_logit.registry import MODELS

PARAMETERS = dict(
    resnet8=83892,
    resnet14=181108,
    resnet20=278324,
    resnet32=472756,
    resnet44=667188,
    resnet56=861620,
    resnet110=1736564,
    resnet8x4=1233540,
    resnet32x4=7433860,
    ResNet18=11220132,
    ResNet50=23705252,
    wrn_16_1=180916,
    wrn_16_2=703284,
    wrn_40_1=569780,
    wrn_40_2=2255156,
    vgg8=3965028,
    vgg11=9277284,
    vgg13=9462180,
    vgg16=14774436,
    vgg19=20086692,
    MobileNetV2=812836,
    ShuffleV1=949258,
    ShuffleV2=1355528,
)


def build(name, **kwargs):
    return MODELS.build(dict(cifar_network(name).backbone, **kwargs))


@pytest.fixture(scope='module')
def published(shared):
    return json.loads((shared / 'cifar_models.json').read_text())


@pytest.mark.parametrize('name', PARAMETERS)
def test_parameters_are_the_published_number(name):
    backbone, channels = build(name), cifar_network(name).in_channels
    assert backbone.out_channels == channels
    parameters = sum(p.numel() for p in backbone.parameters())
    # plus a linear layer for 100 classes
    assert parameters + (channels + 1) * 100 == PARAMETERS[name]


def test_every_published_network_is_known(published):
    assert set(published) == set(CIFAR_NETWORKS) == set(PARAMETERS)


@pytest.mark.parametrize('name', PARAMETERS)
def test_keys_order_shapes_and_last_map(name, published):
    facts, network = published[name], cifar_network(name)
    backbone = build(name).eval()
    ours = [[k, list(v.shape)] for k, v in backbone.state_dict().items()]
    ours += [
        [f'{network.classifier}.weight', [100, network.in_channels]],
        [f'{network.classifier}.bias', [100]],
    ]
    assert ours == facts['state_dict']
    with torch.device('meta'):
        ghost = build(name).eval()
    last_map = ghost(torch.empty(1, 3, 32, 32, device='meta'))[-1]
    assert list(last_map.shape[1:]) == facts['last_feature_map']


def rule(kind, i, j, shape):
    if kind == 'weight':
        q = (7919 * i + 31 * j + 17 * j * j) % 10007
        fan_in = int(np.prod(shape[1:]))
        return 1.8 / fan_in**0.5 * np.sin(2 * np.pi * q / 10007)
    if kind == 'bias':
        return 0.01 * np.cos(i + 0.1 * j)
    if kind == 'bn_weight':
        return 1 + 0.1 * np.sin(i + 0.3 * j)
    if kind == 'bn_bias':
        return 0.05 * np.cos(i + 0.2 * j)
    if kind == 'running_mean':
        return 0.02 * np.sin(0.5 * i + 0.1 * j)
    if kind == 'running_var':
        return 1 + 0.2 * np.abs(np.sin(i + 0.15 * j))
    return np.zeros(1, dtype=np.int64)


def weights_by_rule(entries, kinds):
    """Weights as the golden outputs were made with, in float64."""
    state = {}
    for i, ((key, shape), kind) in enumerate(zip(entries, kinds)):
        j = np.arange(int(np.prod(shape)), dtype=np.int64)
        state[key] = torch.from_numpy(rule(kind, i, j, shape).reshape(shape))
    return state


def golden_input():
    b, c, h, w = np.ogrid[:2, :3, :32, :32]
    return torch.from_numpy(np.sin(0.1 * b + 0.7 * c + 0.13 * h + 0.29 * w))


def classify(name, state, x):
    backbone = build(name).double().eval()
    backbone.load_state_dict(
        {
            key[len('backbone.') :]: value
            for key, value in state.items()
            if key.startswith('backbone.')
        }
    )
    with torch.no_grad():
        last_map = backbone(x)[-1]
    pooled = last_map.mean((2, 3))
    return (
        last_map,
        pooled,
        pooled @ state['head.fc.weight'].T + state['head.fc.bias'],
    )


def cell_logits(name, last_map, state):
    """Logits of 1 + 4 + 16 cells as ``ClsLogits`` reads them."""
    pytest.importorskip('mmpretrain')
    from mmkd_logit.heads import ClsLogits

    model = MODELS.build(cifar_classifier(name)).double().eval()
    model.load_state_dict(state)
    with torch.no_grad():
        return ClsLogits(scales=(1, 2, 4)).cell_logits(model, (last_map,))


@pytest.mark.parametrize(
    'name',
    ['resnet20', 'resnet8x4', 'wrn_16_2', 'vgg8', 'MobileNetV2', 'ShuffleV1'],
)
def test_golden_outputs_through_the_converter(name, published, shared):
    facts = published[name]
    theirs = weights_by_rule(facts['state_dict'], facts['kinds'])
    state, left_out = from_mdistiller(name, dict(model=theirs))
    assert left_out == []
    golden = np.load(shared / 'golden' / 'cifar' / f'{name}.npz')
    for factor, key in ((1, 'logits'), (50, 'logits_x50')):
        last_map, pooled, logits = classify(
            name, state, factor * golden_input()
        )
        error = np.abs(logits.numpy() - golden[key]).max()
        assert error <= 1e-9 * golden[key].std()
        if factor == 1:
            np.testing.assert_allclose(
                pooled, golden['pooled'], rtol=1e-9, atol=1e-12
            )
            cells = cell_logits(name, last_map, state)
            error = np.abs(cells.numpy() - golden['patch_logits']).max()
            assert error <= 1e-9 * golden['patch_logits'].std()


@pytest.mark.parametrize(
    'name,total,first',
    [
        ('wrn_40_1', 125.3921625069, 6.2596680165),
        ('ShuffleV2', -6.9362291195, 0.0156091739),
    ],
)
def test_published_sums_of_networks_without_golden_file(
    name, total, first, published
):
    facts = published[name]
    state, _ = from_mdistiller(
        name, weights_by_rule(facts['state_dict'], facts['kinds'])
    )
    logits = classify(name, state, golden_input())[2]
    assert logits.sum().item() == pytest.approx(total, abs=2e-9)
    assert logits[0, 0].item() == pytest.approx(first, abs=1e-9)


@pytest.mark.parametrize('name', PARAMETERS)
def test_there_and_back_gives_the_same_file(name):
    network = cifar_network(name)
    theirs = dict(build(name).state_dict())
    theirs[f'{network.classifier}.weight'] = torch.randn(
        7, network.in_channels
    )
    theirs[f'{network.classifier}.bias'] = torch.randn(7)
    ours, _ = from_mdistiller(name, theirs)
    back = to_mdistiller(name, ours)
    assert list(back) == list(theirs)
    assert all(torch.equal(back[key], theirs[key]) for key in theirs)


def wrapped(part_keys):
    network = dict(build('resnet8').state_dict())
    network['fc.weight'], network['fc.bias'] = torch.ones(5, 64), torch.ones(5)
    state = {f'module.student.{k}': v for k, v in network.items()}
    state['module.connector.weight'] = torch.zeros(1)
    for key in part_keys:
        state[f'module.teacher.{key}'] = torch.zeros(1)
    return dict(epoch=3, model=state)


def test_a_trainers_file_gives_one_network_and_lists_the_rest():
    state, left_out = from_mdistiller('resnet8', wrapped(['fc.weight']))
    assert len(state) == 56
    assert left_out == ['connector.weight', 'teacher.fc.weight']
    with pytest.raises(ValueError, match='no teacher'):
        from_mdistiller('resnet8', wrapped([]), part='teacher')


def test_counters_may_be_missing_and_nothing_else():
    theirs = wrapped([])['model']
    few = {k: v for k, v in theirs.items() if 'num_batches' not in k}
    state, _ = from_mdistiller('resnet8', few)
    assert state['backbone.bn1.num_batches_tracked'].item() == 0
    del few['module.student.layer1.0.bn2.bias']
    with pytest.raises(ValueError, match='layer1.0.bn2.bias.*got none'):
        from_mdistiller('resnet8', few)


def test_wrong_network_extra_keys_and_wrong_names_are_refused():
    theirs = wrapped([])['model']
    with pytest.raises(ValueError, match='unexpected.*layer1.1'):
        from_mdistiller(
            'resnet8',
            {**theirs, 'module.student.layer1.1.conv1.weight': torch.ones(1)},
        )
    with pytest.raises(ValueError, match='got none'):
        from_mdistiller('resnet14', theirs)
    with pytest.raises(ValueError, match='not a vgg8'):
        from_mdistiller('vgg8', theirs)
    with pytest.raises(ValueError, match='resnet8x4'):
        from_mdistiller('resnet_8', theirs)
    with pytest.raises(ValueError, match='head.fc.weight'):
        to_mdistiller('resnet8', theirs)


@pytest.mark.parametrize(
    'kwargs,message',
    [
        (dict(type='mmkd_logit.CifarThinResNet', depth=18), '6 \\* n \\+ 2'),
        (dict(type='mmkd_logit.CifarThinResNet', depth=8, widen=2), '1 or 4'),
        (dict(type='mmkd_logit.CifarFullResNet', depth=34), '18, 50'),
        (dict(type='mmkd_logit.CifarWRN', depth=20, widen=1), '6 \\* n \\+ 4'),
        (dict(type='mmkd_logit.CifarVGG', depth=10), '8, 11, 13'),
    ],
)
def test_unknown_sizes_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(kwargs)


def test_he_init_is_fan_out_and_not_divided_by_groups():
    torch.manual_seed(0)
    net = build('MobileNetV2')
    net.init_weights()
    depthwise = net.blocks[6][0].conv[3].weight  # (480, 1, 3, 3)
    assert depthwise.std().item() == pytest.approx(
        (2 / (9 * 480)) ** 0.5, rel=0.05
    )
    assert (net.conv2[1].weight == 1).all()


def test_large_input_gives_the_map_sizes_of_cub():
    x = torch.empty(1, 3, 224, 224, device='meta')
    for name, side in (
        ('resnet32x4', 28),
        ('ResNet50', 14),
        ('ShuffleV1', 14),
        ('MobileNetV2', 7),
    ):
        with torch.device('meta'):
            net = build(name, large_input=True)
        assert net(x)[-1].shape[-1] == side
    with torch.device('meta'):
        assert build('vgg8')(x)[-1].shape[-1] == 28


def test_vgg_pools_once_more_at_64_pixels_only_when_asked():
    with torch.device('meta'):
        plain, pooled = build('vgg8'), build('vgg8', pool_64=True)
    x = torch.empty(1, 3, 64, 64, device='meta')
    assert plain(x)[-1].shape[-1] == 8
    assert pooled(x)[-1].shape[-1] == 4
