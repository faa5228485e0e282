"""How a teacher is computed, and that its rows stay what they are."""

import pytest
import torch

from mmkd_logit.distillers.teacher_options import TeacherOptions, read_options
from mmkd_logit.registry import MODELS
from tests.toys import distiller_config, seeded, teacher_file


def batch(size=6):
    inputs = torch.randn(size, 3, 2, 2, generator=seeded(5))
    return inputs, torch.arange(size) % 4


def built(folder, options=None, **changes):
    config = distiller_config(teacher_file(folder))
    config['teacher_options'] = options
    config.update(changes)
    torch.manual_seed(0)
    model = MODELS.build(config)
    model.init_weights()
    return model.train()


def rows_of(model, **autocast):
    """The teacher's rows of one step, and the term's value."""
    found = []
    model.listener = lambda name, pair: found.append(pair.teacher_logits)
    model.student.eval()  # batch norm of one batch, many times
    with torch.autocast('cpu', **(autocast or dict(enabled=False))):
        losses = model.loss(*batch())
    losses['loss_kd'].backward()
    assert model.student.conv.weight.grad.isfinite().all()
    return found[0], losses['loss_kd'].item()


def test_bfloat16_is_close_and_handed_on_as_float32(tmp_path):
    exact, value = rows_of(built(tmp_path))
    narrow, close = rows_of(built(tmp_path, dict(dtype='bfloat16')))
    assert exact.dtype == narrow.dtype == torch.float32
    difference = (exact - narrow).abs().max().item()
    assert 1e-4 < difference < 0.05
    assert close == pytest.approx(value, rel=0.05)
    # the weights stay float32: another teacher of the run may share them
    model = built(tmp_path, dict(dtype='bfloat16'))
    assert model.teacher.model.conv.weight.dtype == torch.float32


def test_mixed_precision_of_the_student_does_not_reach_float32(tmp_path):
    exact, _ = rows_of(built(tmp_path))
    amp = dict(dtype=torch.bfloat16)
    like_the_student, _ = rows_of(built(tmp_path), **amp)
    assert like_the_student.dtype == torch.bfloat16
    assert not torch.equal(like_the_student.float(), exact)
    chosen, _ = rows_of(built(tmp_path, dict(dtype='float32')), **amp)
    assert torch.equal(chosen, exact)
    narrow, _ = rows_of(built(tmp_path, dict(dtype='bfloat16')), **amp)
    alone, _ = rows_of(built(tmp_path, dict(dtype='bfloat16')))
    assert torch.equal(narrow, alone)


def test_several_teachers_and_an_average_under_mixed_precision(tmp_path):
    toy = dict(type='mmkd_logit.ToyModel')
    model = built(
        tmp_path,
        [dict(dtype='bfloat16'), None, dict(channels_last=True)],
        teacher=[toy, toy, 'ema'],
        teacher_ckpt=[teacher_file(tmp_path), teacher_file(tmp_path), None],
    )
    wanted = ('bfloat16', None, None)
    assert tuple(one.options.dtype for one in model.teachers) == wanted
    rows, value = rows_of(model, dtype=torch.bfloat16)
    assert rows.dtype == torch.float32 and value > 0


def test_channels_last_changes_the_layout_and_no_number(tmp_path):
    exact, _ = rows_of(built(tmp_path))
    model = built(tmp_path, dict(channels_last=True))
    seen = []
    model.prepare()
    model.teacher.model.conv.register_forward_pre_hook(
        lambda module, args: seen.append(
            args[0].is_contiguous(memory_format=torch.channels_last)
        )
    )
    rows, _ = rows_of(model)
    torch.testing.assert_close(rows, exact)
    assert seen == [True]


def test_compiled_backbone_gives_the_same_rows(tmp_path):
    pytest.importorskip('mmpretrain')
    from mmengine.registry import DefaultScope

    from tests.toy_classifiers import build, classifier_cfg, images, samples

    cfg = classifier_cfg()
    path = tmp_path / 'teacher.pth'
    torch.save(build(cfg, 1).state_dict(), path)
    rows, graphs = [], []

    def backend(graph, example_inputs):
        graphs.append(graph)
        return graph.forward

    for options in (None, dict(compile=dict(backend=backend))):
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            model = MODELS.build(
                dict(
                    type='mmkd_logit.LogitDistiller',
                    student=cfg,
                    teacher=cfg,
                    teacher_ckpt=str(path),
                    teacher_options=options,
                    distill=dict(
                        loss_kd=dict(loss=dict(type='mmkd_logit.KDLoss'))
                    ),
                )
            )
        model.listener = lambda name, pair: rows.append(pair.teacher_logits)
        model.prepare()
        for _ in range(2):
            model.loss(images(), samples([0, 1, 2]))
    assert len(graphs) == 2  # backbone and neck, each compiled once
    for one in rows[1:]:
        torch.testing.assert_close(one, rows[0])


@pytest.mark.parametrize('name', ['mask', 'gfl', 'detr'])
def test_detectors_in_bfloat16_with_channels_last(name, tmp_path):
    pytest.importorskip('mmdet')
    from tests.test_distillers.test_dense_detectors import distiller, step

    rows = []
    narrow = dict(dtype='bfloat16', channels_last=True)
    for options in (None, dict(channels_last=True), narrow):
        model = distiller(name, tmp_path, teacher_options=options)
        found = {}
        model.listener = lambda key, pair, found=found: found.update(
            {key: pair.teacher_logits}
        )
        torch.manual_seed(0)  # RoIs are sampled
        model.parse_losses(step(model, name))[0].backward()
        rows.append(found)
    assert len(rows[0]) > 1 or name == 'gfl'
    for key, exact in rows[0].items():
        laid_out, narrow = (found[key] for found in rows[1:])
        assert exact.dtype == narrow.dtype == torch.float32
        torch.testing.assert_close(laid_out, exact)
        difference = (exact - narrow).abs().max()
        assert 0 < difference < 0.2 * exact.abs().max(), key


def test_operators_that_misread_channels_last_are_refused():
    ops = pytest.importorskip('mmcv.ops')
    model = torch.nn.Module()
    model.backbone = torch.nn.Sequential(ops.RoIAlign(7))
    with pytest.raises(ValueError, match='Sequential.*has a RoIAlign of MMCV'):
        TeacherOptions(channels_last=True).apply_to(model)
    # the maps that RoI heads pool are handed on contiguous
    model.backbone, model.roi_head = torch.nn.Conv2d(3, 4, 1), ops.RoIAlign(7)
    TeacherOptions(channels_last=True).apply_to(model)
    maps = torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last)
    (handed_on,) = TeacherOptions(channels_last=True).handed_on([maps])
    assert handed_on.is_contiguous() and not maps.is_contiguous()


def test_what_is_handed_on_reaches_into_lists_and_leaves_the_rest():
    narrow = torch.zeros(2, dtype=torch.bfloat16)
    labels = torch.zeros(2, dtype=torch.long)
    options = TeacherOptions(dtype='bfloat16')
    (one, two), other, name = options.handed_on(
        ((narrow, labels), [narrow], 3)
    )
    assert one.dtype == other[0].dtype == torch.float32
    assert two is labels and name == 3
    assert TeacherOptions().handed_on(narrow) is narrow


def test_an_operator_without_the_type_is_one_sentence():
    options = TeacherOptions(dtype='bfloat16')
    device = torch.device('cpu')
    with pytest.raises(ValueError, match="dtype='bfloat16', which an operat"):
        with options.running(device):
            raise RuntimeError('"roi_align" not implemented for \'BFloat16\'')
    with pytest.raises(RuntimeError, match='out of memory'):
        with options.running(device):
            raise RuntimeError('out of memory')


@pytest.mark.parametrize(
    'options, error, message',
    [
        ('bfloat16', TypeError, "teacher_options is 'bfloat16', expected a"),
        (dict(dtyp='bfloat16'), ValueError, "'dtyp'; did you mean 'dtype'"),
        (dict(dtype='int8'), ValueError, "dtype must be one of .*got 'int8'"),
        (dict(channels_last=1), TypeError, 'must be True or False, got 1'),
        (
            dict(compile='fast'),
            TypeError,
            "arguments of torch.compile, got 'f",
        ),
    ],
)
def test_mistakes(options, error, message):
    with pytest.raises(error, match=message):
        read_options(options, 'teacher_options')


def test_one_dict_does_for_all_and_a_list_is_as_long(tmp_path):
    toy = dict(type='mmkd_logit.ToyModel')
    two = dict(teacher=[toy, toy], teacher_ckpt=['a.pth', 'b.pth'])
    config = dict(distiller_config(''), **two)
    config['teacher_options'] = dict(channels_last=True)
    for teacher in MODELS.build(config).teachers:
        assert teacher.options.channels_last
    config['teacher_options'] = [None]
    with pytest.raises(ValueError, match='has 2 entries, teacher_options 1'):
        MODELS.build(config)
