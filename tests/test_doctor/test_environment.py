"""What is installed, and what does not go together."""

import re
import subprocess
import sys

import pytest

from mmkd_logit.doctor import check_stack, find_problems
from tests.test_doctor.installations import GOOD_CLASSIC, GOOD_MODERN, pretend


@pytest.mark.parametrize('installed', [GOOD_MODERN, GOOD_CLASSIC])
def test_tested_stacks_have_no_problem(installed):
    assert find_problems(installed) == []


@pytest.mark.parametrize(
    'base, change, what, fix',
    [
        (
            GOOD_CLASSIC,
            {'torch': '2.6.0', 'torchvision': '0.21.0'},
            r'mmengine 0.10.7 cannot read .* torch 2.6.0',
            r'install torch==2.1.2 torchvision==0.16.2$',
        ),
        (GOOD_CLASSIC, {'numpy': '2.0.1'}, 'built for numpy 1', "'numpy<2'"),
        (
            GOOD_CLASSIC,
            {'mmcv': '2.2.0'},
            r'mmdet 3.3.0 accepts mmcv >= 2.0.0, < 2.2.0, .*but mmcv is 2.2.0',
            r'tools/install.sh classic',
        ),
        (
            GOOD_CLASSIC,
            {'mmcv': None, 'mmcv-lite': '2.1.0'},
            'mmcv-lite is installed',
            r'uninstall -y mmcv mmcv-lite && bash tools/install.sh classic',
        ),
        (
            GOOD_CLASSIC,
            {'setuptools': '82.0.0'},
            'imports pkg_resources',
            "'setuptools<70'",
        ),
        (
            GOOD_MODERN,
            {'torch': '2.13.0', 'torchvision': None},
            r'torchvision is missing.*2.13.0',
            r'install torch==2.14.0 torchvision==0.29.0$',
        ),
        (
            GOOD_MODERN,
            {'torchvision': '0.28.0'},
            'not built for each other',
            'torchvision==0.29.0',
        ),
        (
            GOOD_MODERN,
            {'onedl-mmcv': None},
            'mmcv is missing',
            'tools/install.sh modern',
        ),
        (
            GOOD_MODERN,
            {
                'onedl-mmdetection': None,
                'onedl-mmsegmentation': None,
                'onedl-mmpretrain': None,
            },
            'no toolbox is installed',
            'onedl-mmpretrain==1.3.6 onedl-mmdetection==3.5.1',
        ),
        (
            GOOD_MODERN,
            {'mmengine': '0.10.7'},
            'both stacks are installed.*onedl-mmengine.* and mmengine$',
            'uninstall -y mmengine && .* onedl-mmengine==0.10.12',
        ),
    ],
)
def test_known_bad_pair_is_named_with_its_fix(base, change, what, fix):
    installed = {**base, **change}
    problems = find_problems({k: v for k, v in installed.items() if v})
    hits = [p for p in problems if re.search(what, p.what)]
    assert hits and re.search(fix, hits[0].fix), problems


def test_check_stack_refuses_a_mixture(monkeypatch):
    pretend(monkeypatch, GOOD_MODERN)
    check_stack()
    pretend(monkeypatch, {**GOOD_MODERN, 'mmdet': '3.3.0'})
    with pytest.raises(ImportError, match='both stacks .* and mmdet; to fix'):
        check_stack()


def test_a_wrong_version_of_mmcv_is_one_problem_of_all_toolboxes():
    problems = find_problems({**GOOD_CLASSIC, 'mmcv': '2.5.0'})
    assert len(problems) == 1
    for name in ('mmdet', 'mmsegmentation', 'mmpretrain'):
        assert f'{name} ' in problems[0].what
    assert problems[0].what.endswith(', but mmcv is 2.5.0')


def test_doctor_imports_no_part_itself():
    code = (
        'import sys, mmkd_logit.doctor as d; d.check_stack();'
        "parts = {'torch', 'mmengine', 'mmcv', 'numpy'} & set(sys.modules);"
        'sys.exit(str(parts) if parts else 0)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
