"""What a step costs: the kinds of steps, and where the time goes."""

import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
import torch

from mmkd_logit.launch import keep_freed_memory
from mmkd_logit.registry import MODELS
from tests.toys import distiller_config, teacher_file

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools/analysis_tools'
SUBSET = 'configs/{}/cifar_resnet20_resnet8_cifar10-subset.py'


@pytest.fixture(scope='module')
def tools():
    """The folder of the script is on the path, as when it is run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        yield


def run(*args):
    return subprocess.run(
        [sys.executable, str(TOOLS / 'benchmark_step.py'), *args],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_row_per_config_and_where_the_time_goes():
    pytest.importorskip('mmpretrain')
    sizes = '--image-size 16 --batch-size 4 --rounds 2 --warmup 1'.split()
    done = run(*(SUBSET.format(m) for m in ('dkd', 'sd_dkd')), *sizes)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [
        [cell.strip() for cell in line.split('|')[1:-1]]
        for line in done.stdout.splitlines()
        if line.startswith('|')
    ]
    heads, _, first, second = rows
    assert len(heads) == len(first) == len(second) == 12
    times = [float(cell) for cell in first[1:5]]
    assert min(times) > 0
    assert times[1] > times[0]  # the limit has the teacher's layers too
    plain, limit, ours, whole = (float(cell) for cell in first[7:11])
    assert 0 < plain < limit and min(ours, whole) > plain
    assert float(first[11]) == 1.0
    # A network for 16 x 16 pixels is smaller than any term.
    parts = [line for line in done.stdout.splitlines() if 'in %' in line]
    assert parts and 'backward' in parts[0]


def test_an_unknown_case_is_refused(tools):
    done = run('--cases', 'ResNet')
    assert done.returncode == 2
    assert "no case 'ResNet'; there are classifier, " in done.stderr


def test_the_spread_is_that_of_the_ratios_of_pairs(tools):
    from benchmark_step import spread

    # ratios 1, 2, 3, 4, 5: the machine was ten times slower in one round
    ours, theirs = [1, 4, 30, 8, 10], [1, 2, 10, 2, 2]
    assert spread(ours, theirs) == (3.0, 2.0, 4.0)
    assert spread([3.0], [2.0]) == (1.5, 1.5, 1.5)


def test_a_section_inside_another_counts_alone(tools, monkeypatch):
    import step_shares

    ticks = count()
    monkeypatch.setattr(
        step_shares.time, 'perf_counter', lambda: float(next(ticks))
    )
    clock = step_shares.Clock()
    teacher = clock.timed('teacher', lambda: 7)
    pairs = clock.timed('pairs', lambda: teacher() + teacher())
    assert pairs() == 14
    # enter at 0; teacher 1 to 2 and 3 to 4; left at 5
    assert clock.seconds == dict(pairs=3.0, teacher=2.0)


def test_backward_is_timed_from_a_given_operation_on(tools):
    from step_shares import Clock, sequence_number, time_backward

    leaf = torch.ones(3, requires_grad=True)
    logits = leaf * 2  # of the student's own forward
    first = sequence_number()
    value = (logits * 3).sum()
    clock = Clock()
    entered = []
    clock.enter = entered.append
    clock.leave = lambda: None
    time_backward([value, value], first, clock)
    value.backward()
    assert entered == ['backward', 'backward']  # the product and the sum


def test_sections_of_a_distilled_step(tools, tmp_path):
    from mmengine.optim import build_optim_wrapper
    from step_shares import SECTIONS, shares

    distiller = MODELS.build(distiller_config(teacher_file(tmp_path)))
    distiller.train().prepare()
    optimizer = build_optim_wrapper(
        distiller, dict(optimizer=dict(type='SGD', lr=0.1))
    )
    batch = dict(
        inputs=torch.rand(4, 3, 2, 2),
        data_samples=list(torch.tensor([0, 1, 2, 3])),
    )
    found = shares(
        distiller, lambda: distiller.train_step(batch, optimizer), 3
    )
    assert tuple(found) == SECTIONS and min(found.values()) > 0
    assert '_pairs' not in vars(distiller)  # all is as it was


def test_a_process_that_fails_is_told(tools, capfd):
    from step_memory import in_child

    assert in_child(lambda: 2 + 3) == 5
    with pytest.raises(RuntimeError, match='the process of fails failed'):
        in_child(fails)
    assert 'no memory' in capfd.readouterr().err


def fails():
    raise ValueError('no memory')


@pytest.mark.skipif(
    not Path('/proc/self/status').exists(), reason='Linux shows memory there'
)
def test_memory_of_earlier_models_is_not_counted(tools):
    from step_memory import in_child

    assert abs(in_child(left_by_a_model)) < 64


def left_by_a_model():
    from step_memory import in_child, settled

    keep_freed_memory()
    before = in_child(settled)
    blocks = [torch.ones(2**14) for _ in range(3000)]
    del blocks
    return in_child(settled) - before
