"""The distiller on toys: what it adds, and what it leaves alone."""

import copy

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.model import ExponentialMovingAverage
from mmengine.runner import Runner, load_checkpoint
from mmengine.runner.checkpoint import get_state_dict

from mmkd_logit.losses import kd_loss
from mmkd_logit.messages import WrongValue
from mmkd_logit.registry import MODELS
from mmkd_logit.structures.logit_pair import LogitPair
from tests.toys import (
    ToyLogits,
    ToyModel,
    distiller_config,
    runner_config,
    seeded,
    teacher_file,
)


def batch(size=6):
    inputs = torch.randn(size, 3, 2, 2, generator=seeded(5))
    return inputs, torch.arange(size) % 4


@pytest.fixture
def distiller(tmp_path):
    torch.manual_seed(0)
    model = MODELS.build(distiller_config(teacher_file(tmp_path)))
    model.init_weights()
    return model.train()


def test_loss_is_the_students_own_plus_one_entry(distiller):
    inputs, labels = batch()
    student, teacher = distiller.student, distiller.teacher.model
    losses = distiller(inputs, labels, mode='loss')
    student.train()
    stock = student(inputs, labels, mode='loss')
    torch.testing.assert_close(losses['loss_cls'], stock['loss_cls'])
    expected = kd_loss(student(inputs), teacher(inputs), tau=2.0).mean()
    torch.testing.assert_close(losses['loss_kd'], expected)
    assert set(losses) == {'loss_cls', 'loss_kd'}


def test_teacher_is_outside_the_module_tree(distiller):
    teacher = {id(p) for p in distiller.teacher.model.parameters()}
    assert not teacher & {id(p) for p in distiller.parameters()}
    assert not any('teacher' in key for key in distiller.state_dict())
    assert not any('teacher' in name for name, _ in distiller.named_modules())
    assert all(
        not p.requires_grad for p in distiller.teacher.model.parameters()
    )
    ema = ExponentialMovingAverage(distiller)
    assert ema.module.teacher is distiller.teacher


def test_teacher_stays_in_eval_mode_and_unchanged(distiller):
    before = copy.deepcopy(distiller.teacher.model.state_dict())
    optimizer = torch.optim.SGD(distiller.parameters(), lr=0.1)
    for _ in range(2):
        distiller.train()
        losses = distiller(*batch(), mode='loss')
        (losses['loss_cls'] + losses['loss_kd']).backward()
        optimizer.step()
    after = distiller.teacher.model.state_dict()
    assert not distiller.teacher.model.training
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_teacher_follows_the_student(distiller):
    distiller.double()
    assert distiller.teacher.model.conv.weight.dtype == torch.float64


@pytest.mark.parametrize(
    'state_of', [lambda model: model.state_dict(), get_state_dict]
)
def test_state_dict_has_plain_student_keys_in_order(distiller, state_of):
    plain = ToyModel().state_dict()
    state = state_of(distiller)
    assert list(state) == list(plain)
    assert state._metadata['norm'] == plain._metadata['norm']


def test_plain_checkpoints_load_into_the_distiller(distiller, tmp_path):
    student = ToyModel()
    torch.save(student.state_dict(), tmp_path / 'plain.pth')
    distiller.load_state_dict(student.state_dict())
    assert torch.equal(distiller.student.conv.weight, student.conv.weight)
    other = ToyModel()
    torch.save(dict(state_dict=other.state_dict()), tmp_path / 'other.pth')
    load_checkpoint(distiller, str(tmp_path / 'other.pth'), strict=True)
    assert torch.equal(distiller.student.conv.weight, other.conv.weight)


def test_missing_keys_are_noticed_when_loading(distiller):
    state = ToyModel().state_dict()
    del state['conv.bias']
    with pytest.raises(RuntimeError, match='conv.bias'):
        distiller.load_state_dict(state)


def test_hooks_find_the_students_attributes(distiller):
    assert distiller.conv is distiller.student.conv
    with pytest.raises(AttributeError, match='no_such_part'):
        distiller.no_such_part()


def test_inference_needs_no_teacher():
    config = distiller_config('/nowhere/teacher.pth')
    config['teacher'] = '/nowhere/teacher.py'
    model = MODELS.build(config).eval()
    inputs, _ = batch()
    torch.testing.assert_close(model(inputs), model.student(inputs))
    assert model(inputs, mode='predict').shape == (6,)


def test_kd_scale_multiplies_the_term_and_0_skips_the_teacher(distiller):
    inputs, labels = batch()
    distiller.student.eval()  # batch norm of one batch, twice
    full = distiller.loss(inputs, labels)['loss_kd']
    distiller.set_kd_scale(0.5)
    distiller.set_kd_scale(0.5, 'other')
    torch.testing.assert_close(
        distiller.loss(inputs, labels)['loss_kd'], full / 4
    )
    distiller.set_kd_scale(0.0)
    distiller.teacher.look = None  # would fail if the teacher were asked
    assert distiller.loss(inputs, labels)['loss_kd'] == 0


def test_a_term_of_several_parts_is_switched_off_as_a_whole(distiller):
    reader, pairs = distiller.terms['loss_kd'].reader, {}

    def several(notes, teacher):
        pair = type(reader).pairs(reader, notes, teacher)['']
        pairs.update({'': pair, 'window2.': pair._replace(labels=None)})
        return pairs

    reader.pairs = several
    distiller.set_kd_scale(0.5, 'stop')
    losses = distiller(*batch(), mode='loss')
    terms = ['loss_kd', 'window2.loss_kd', 'kd/scale']
    assert list(losses) == ['loss_cls', *terms]
    assert all(losses[name] > 0 for name in terms)
    # the watch counts the labelled rows of the first part
    assert distiller.watches['loss_kd'].teacher_accuracy()['rows'] == 6
    distiller.set_kd_scale(0.0, 'stop')
    losses = distiller(*batch(), mode='loss')
    # a name that is left out would keep its last value in the log
    assert [losses[name].item() for name in terms] == [0, 0, 0]


def test_class_map_picks_the_teachers_columns(tmp_path):
    config = distiller_config(teacher_file(tmp_path, num_classes=6))
    config['teacher'] = dict(type='mmkd_logit.ToyModel', num_classes=6)
    config['class_map'] = [5, 0, 2, 1]
    model = MODELS.build(config)
    model.init_weights()
    model.eval()
    inputs, labels = batch()
    expected = kd_loss(
        model.student(inputs),
        model.teacher.model(inputs)[:, [5, 0, 2, 1]],
        2.0,
    ).mean()
    torch.testing.assert_close(model.loss(inputs, labels)['loss_kd'], expected)


def run(model, folder, **kwargs):
    runner = Runner.from_cfg(runner_config(model, folder, **kwargs))
    runner.train()
    return runner


def test_weight_0_trains_bit_for_bit_like_the_student(tmp_path):
    ckpt = teacher_file(tmp_path)
    plain = run(
        dict(type='mmkd_logit.ToyModel', dropout=0.3),
        tmp_path / 'plain',
        custom_hooks=[],
    )
    distilled = run(
        distiller_config(ckpt, loss_weight=0.0, dropout=0.3),
        tmp_path / 'distilled',
    )
    ours, theirs = (r.model.state_dict() for r in (distilled, plain))
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    with_kd = run(distiller_config(ckpt, dropout=0.3), tmp_path / 'kd').model
    assert not torch.equal(with_kd.conv.weight, plain.model.conv.weight)


def test_saved_checkpoint_is_a_plain_one_and_names_the_teacher(tmp_path):
    run(distiller_config(teacher_file(tmp_path)), tmp_path / 'run')
    saved = torch.load(tmp_path / 'run' / 'epoch_2.pth', weights_only=False)
    assert list(saved['state_dict']) == list(ToyModel().state_dict())
    assert len(saved['meta']['mmkd_logit']['teacher_sha256']) == 12


def test_resumed_run_ends_like_an_uninterrupted_one(tmp_path):
    ckpt = teacher_file(tmp_path)
    whole = run(distiller_config(ckpt), tmp_path / 'whole')
    run(
        distiller_config(ckpt),
        tmp_path / 'part',
        train_cfg=dict(by_epoch=True, max_epochs=1),
    )
    resumed = run(distiller_config(ckpt), tmp_path / 'part', resume=True)
    ours, theirs = (r.model.state_dict() for r in (resumed, whole))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_another_models_checkpoint_is_refused_on_resume(tmp_path):
    ckpt = teacher_file(tmp_path)
    run(
        dict(type='mmkd_logit.ToyModel', num_classes=5),
        tmp_path / 'other',
        custom_hooks=[],
    )
    with pytest.raises(ValueError, match='another model.*conv.weight'):
        run(
            distiller_config(ckpt),
            tmp_path / 'run',
            resume=True,
            load_from=str(tmp_path / 'other' / 'epoch_2.pth'),
        )


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(distill={}), 'distill. is empty'),
        (
            dict(distill=dict(kd=dict(loss=dict(type='mmkd_logit.KDLoss')))),
            "starts with 'loss'",
        ),
        (
            dict(
                distill=dict(loss_kd=dict(loss=dict(type='mmkd_logit.KDLos')))
            ),
            "did you mean 'mmkd_logit.KDLoss'",
        ),
        (
            dict(
                distill=dict(
                    loss_kd=dict(
                        loss=dict(type='mmkd_logit.KDLoss'),
                        logits=dict(type='mmkd_logit.ToyLogit'),
                    )
                )
            ),
            "did you mean 'mmkd_logit.ToyLogits'",
        ),
        (
            dict(
                distill=dict(loss_kd=dict(loss=dict(type='mmkd_logit.KDLoss')))
            ),
            'no logit reader fits ToyModel; supported: mmdet .*two-stage',
        ),
        (
            dict(
                distill=dict(
                    loss_kd=dict(loss=dict(type='mmkd_logit.KDLoss', tau=0))
                )
            ),
            'tau must be > 0',
        ),
        (
            dict(
                distill=dict(
                    loss_kd=dict(
                        logits=dict(type='mmkd_logit.ToyLogits'),
                        loss=dict(type='mmkd_logit.KDLoss', use_sigmoid=True),
                    )
                )
            ),
            'remove use_sigmoid',
        ),
        (
            dict(
                student=dict(type='mmkd_logit.ToyModel', num_classes=2),
                distill=dict(
                    loss_kd=dict(
                        logits=dict(type='mmkd_logit.ToyLogits'),
                        loss=dict(type='mmkd_logit.DKDLoss'),
                    )
                ),
            ),
            'at least 3',
        ),
    ],
)
def test_mistakes_in_the_config_are_named_at_build_time(change, message):
    config = distiller_config('teacher.pth')
    config.update(change)
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


@pytest.mark.parametrize(
    'change, error, message',
    [
        (
            dict(teacher_ckpt='/nowhere/t.pth'),
            FileNotFoundError,
            "'/nowhere/t.pth' is not a file",
        ),
        (
            dict(teacher='/nowhere/t.py'),
            FileNotFoundError,
            "'/nowhere/t.py' is not a file",
        ),
        (dict(teacher_ckpt=None), ValueError, '`teacher_ckpt` is missing'),
        (dict(teacher_ckpt='auto'), ValueError, 'no metafile lists weights'),
        (
            dict(teacher=dict(type='mmkd_logit.ToyModel', num_classes=5)),
            ValueError,
            r'of another shape: conv.weight \(4, 3, 1, 1\)',
        ),
    ],
)
def test_mistakes_about_the_teacher_are_named_before_training(
    tmp_path, change, error, message
):
    config = distiller_config(teacher_file(tmp_path))
    config.update(change)
    with pytest.raises(error, match=message):
        MODELS.build(config).init_weights()


def test_a_teacher_that_does_not_fit_is_named(tmp_path, monkeypatch):
    (tmp_path / 'toy.py').write_text("model = dict(type='ToyModel')")
    config = distiller_config(teacher_file(tmp_path))
    config['teacher'] = str(tmp_path / 'toy.py')
    config['student']['num_classes'] = 3
    start = "^teacher config '.*toy.py'"
    with pytest.raises(ValueError, match=f'{start}: teacher has 4 classes'):
        MODELS.build(config).init_weights()

    def check(reader, student, teacher):
        raise WrongValue('no detector')

    monkeypatch.setattr(ToyLogits, 'check', check)
    with pytest.raises(ValueError, match=f'{start}: no detector'):
        MODELS.build(config).init_weights()
    config['teacher_ckpt'] = teacher_file(tmp_path, num_classes=5)
    with pytest.raises(ValueError, match="the teacher config '.*toy.py' .of"):
        MODELS.build(config).init_weights()


def test_other_class_count_or_order_stops_with_a_remedy(tmp_path):
    config = distiller_config(teacher_file(tmp_path, num_classes=6))
    config['teacher'] = dict(type='mmkd_logit.ToyModel', num_classes=6)
    with pytest.raises(
        ValueError, match='teacher has 6 classes, student 4.*class_map'
    ):
        MODELS.build(config).init_weights()
    ckpt = teacher_file(
        tmp_path, dataset_meta=dict(classes=('dog', 'cat', 'horse', 'sheep'))
    )
    with pytest.raises(ValueError, match="class 0 is 'cat' for the student"):
        run(distiller_config(ckpt), tmp_path / 'run')


def test_a_term_that_is_always_0_stops_the_run(tmp_path):
    ckpt = teacher_file(tmp_path)
    model = MODELS.build(distiller_config(ckpt))
    model.init_weights()
    model.student.load_state_dict(model.teacher.model.state_dict())
    model.eval()  # the same batch norm: the student is the teacher's copy
    with pytest.raises(RuntimeError, match='loss_kd was exactly 0'):
        for _ in range(50):
            model.loss(*batch())


def test_a_term_without_gradient_stops_the_run(tmp_path):
    model = MODELS.build(distiller_config(teacher_file(tmp_path)))
    model.init_weights()
    model.student.requires_grad_(False)
    with pytest.raises(RuntimeError, match='loss_kd sent no gradient'):
        for _ in range(50):
            model.loss(*batch())


def test_a_non_finite_term_stops_with_its_name_and_ranges(distiller):
    distiller.loss(*batch())
    with torch.no_grad():
        distiller.student.conv.weight.fill_(float('nan'))
    distiller.loss(*batch())
    with pytest.raises(
        RuntimeError, match=r'loss_kd became NaN.*step 2.*\[nan, nan\]'
    ):
        distiller.check_terms()


def test_a_broken_student_is_not_saved(tmp_path):
    config = runner_config(
        distiller_config(teacher_file(tmp_path)), tmp_path / 'run'
    )
    config['optim_wrapper'] = dict(optimizer=dict(type='SGD', lr=1e38))
    with pytest.raises(RuntimeError, match='became NaN or infinite'):
        Runner.from_cfg(config).train()
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_a_reader_that_ignores_the_class_map_is_refused(tmp_path):
    config = distiller_config(teacher_file(tmp_path))
    config['class_map'] = [3, 2, 1, 0]
    model = MODELS.build(config)
    reader = model.terms['loss_kd'].reader

    def unmapped(notes, teacher):
        logits = teacher.model.logits(teacher.feats)
        return {'': LogitPair(notes['logits'], logits, notes['labels'])}

    model.loss(*batch())
    reader.pairs = unmapped
    with pytest.raises(NotImplementedError, match='ToyLogits.*class_map'):
        model.loss(*batch())


def test_a_setting_without_effect_is_told_when_it_is_built(tmp_path, caplog):
    config = distiller_config(teacher_file(tmp_path))
    config['distill']['loss_kd']['loss'] = dict(
        type='mmkd_logit.LDRLDLoss', depth=3
    )
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        MODELS.build(config)
    finally:
        logger.removeHandler(caplog.handler)
    (said,) = [
        record.getMessage()
        for record in caplog.records
        if record.levelname == 'WARNING'
    ]
    assert said.startswith(
        'distill.loss_kd: LDRLDLoss: beta=7.0 has no effect: depth=3 of 4 '
    )
