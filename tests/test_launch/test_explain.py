"""A user's mistake is one sentence; a bug keeps its traceback."""

import ast
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
from mmengine.registry import DATASETS, MODELS, OPTIMIZERS, PARAM_SCHEDULERS

import mmkd_logit
from mmkd_logit.launch import load_config, run_and_explain
from mmkd_logit.launch.data import move_data_root
from mmkd_logit.messages import StoppedRun, UserMistake, WrongValue

PACKAGE = Path(mmkd_logit.__file__).parent
# Raises that tell no user's mistake, with the reason.
UNMARKED = {
    ('checkpoints/config_text.py', 'ValueError'): 'caught where it is raised',
    ('ops/cuda.py', 'ImportError'): 'caught; the plain form serves instead',
}
PLAIN = ('ValueError', 'TypeError', 'FileNotFoundError')
PLAIN += ('ConnectionError', 'ImportError')


def test_our_mistakes_become_one_line_and_others_keep_their_traceback():
    with pytest.raises(SystemExit, match='^FileNotFoundError: config'):
        run_and_explain(lambda: load_config('/nowhere/config.py'))
    with pytest.raises(ZeroDivisionError):
        run_and_explain(lambda: 1 / 0)


def test_a_bug_inside_this_package_keeps_its_traceback():
    with pytest.raises(AttributeError, match="no attribute 'get'"):
        run_and_explain(lambda: move_data_root(None, 'folder'))


def test_a_bug_met_while_a_mistake_is_handled_keeps_its_traceback():
    def main():
        try:
            raise WrongValue('correct this')
        except ValueError:
            raise KeyError('bug') from None

    def implicit():
        try:
            raise WrongValue('correct this')
        except ValueError:
            {}['bug']

    for function in (main, implicit):
        with pytest.raises(KeyError, match='bug'):
            run_and_explain(function)


def test_a_mistake_that_something_wrapped_is_told():
    def main():
        try:
            raise StoppedRun('the term is 0')
        except RuntimeError as error:
            raise OSError('worker died') from error

    with pytest.raises(SystemExit, match='^RuntimeError: the term is 0$'):
        run_and_explain(main)


def test_the_traceback_can_be_asked_for(monkeypatch):
    monkeypatch.setenv('MMKD_LOGIT_TRACEBACK', '1')
    with pytest.raises(FileNotFoundError, match='is not a file'):
        run_and_explain(lambda: load_config('/nowhere/config.py'))


def test_a_download_that_fails_says_what_to_do():
    def fetch(url):
        raise URLError('no route')

    with pytest.raises(
        SystemExit, match=r'https://x/y.pth could not .*no route.*pretrained='
    ):
        run_and_explain(lambda: fetch('https://x/y.pth'))


def test_data_that_cannot_be_fetched_are_not_called_weights(tmp_path):
    class CIFAR100:
        """As of MMPretrain: fetched when it is built."""

        def __init__(self, root):
            self.data_prefix = dict(root=root)
            self.fetch('https://x/cifar-100.tar.gz')

        def load_data_list(self):
            """Of every dataset of MMEngine."""

        def fetch(self, url):
            raise URLError('no route')

    with pytest.raises(
        SystemExit,
        match='cifar-100.tar.gz could not .*the data, which CIFAR100 fetches '
        "into '/data/cifar'.*--data-root",
    ):
        run_and_explain(lambda: CIFAR100('/data/cifar'))


@pytest.mark.parametrize('registry', [MODELS, PARAM_SCHEDULERS, OPTIMIZERS])
def test_a_type_that_no_registry_has(registry):
    name = next(iter(registry.module_dict))
    with pytest.raises(
        SystemExit,
        match=rf'^KeyError: there is no {registry.name}.* of the type '
        rf"'{name}x'; did you mean '{name}'.*`custom_imports`$",
    ):
        run_and_explain(lambda: registry.build(dict(type=f'{name}x')))


def test_a_type_inside_of_another_one():
    class Outer:
        def __init__(self):
            DATASETS.build(dict(type='CoccoDataset'))

    with pytest.raises(SystemExit, match="no dataset.* type 'CoccoDataset'"):
        run_and_explain(lambda: DATASETS.build(dict(type=Outer)))


def test_the_sentence_is_the_last_thing_on_the_screen():
    program = (
        'from mmkd_logit.launch import run_and_explain\n'
        'from mmkd_logit.messages import WrongValue\n'
        'def main():\n'
        "    print('before', end='')\n"
        "    raise WrongValue('correct `tau`')\n"
        'run_and_explain(main)\n'
    )
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == 'beforeValueError: correct `tau`\n'


def test_a_marked_mistake_is_what_it_was():
    assert issubclass(WrongValue, UserMistake)
    with pytest.raises(ValueError, match='^text$'):
        raise WrongValue('text')


def test_every_mistake_of_a_user_is_marked():
    found = []
    for path in sorted(PACKAGE.rglob('*.py')):
        name = path.relative_to(PACKAGE).as_posix()
        if '.mim' in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Raise) or node.exc is None:
                continue
            kind = getattr(node.exc, 'func', node.exc)
            kind = getattr(kind, 'id', '')
            if kind in PLAIN and (name, kind) not in UNMARKED:
                found.append(f'mmkd_logit/{name}:{node.lineno} {kind}')
    assert not found, 'raise a class of mmkd_logit/messages.py instead'
