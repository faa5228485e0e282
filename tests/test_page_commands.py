"""Every command of every page, as far as it goes without data.

Files, options and settings are checked for all; configs of a training are
read with their options as ``tools/train.py`` reads them, and ``--teacher``
writes its config. Trainings run in ``test_end_to_end``.
"""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mmkd_logit.launch import job_config, load_config, set_training_options
from mmkd_logit.launch.model_block import check_model_block
from mmkd_logit.launch.start import use_teacher
from tests.config_files import quick_bases  # noqa: F401
from tests.pages import KINDS, ROOT, blocks, commands, shell_words

sys.path.insert(0, str(ROOT / 'tools'))
import docs_commands  # noqa: E402

#: Names that stand for a reader's own files.
OWN = re.compile(
    r'\.\.\.|(.*/)?[A-Z]+(\.\w+)?|'
    r'(my_|abc|street|checkpoints/|work_dirs/|data/|/data/|student\.pth|'
    r'clean\.pth|downloaded\.pth|ckpt_epoch|resnet34-b627a593).*'
)
TOOLBOXES = ('mmpretrain', 'mmdet', 'mmseg')


def title(command):
    return f'{command.page}: {" ".join(command.words)}'


def is_own(name):
    return OWN.fullmatch(name) is not None


def check_files(words):
    """Files of this repository exist; other names are the reader's own."""
    for word in words:
        name = word.rpartition('=')[2]
        if name.startswith(('configs/', 'tools/', 'tests/', 'docs/')):
            if 'abc' not in name:
                assert (ROOT / name).exists(), name
        elif name.endswith(('.py', '.pth')) and '::' not in name:
            assert is_own(name), f'{name} is neither here nor a placeholder'


def check_python(words, tmp_path, monkeypatch):
    tool, *options = words
    if tool == '-m':
        tool, *options = options
        if tool == 'mmkd_logit.doctor':
            assert not options
            __import__('mmkd_logit.doctor.__main__')
            return
    try:
        args = docs_commands.parser_of(tool).parse_args(options)
    except SystemExit as error:  # what it prints is in the report
        raise AssertionError(f'{tool} refuses {options}') from error
    if tool == 'tools/train.py':
        check_training(args, tmp_path, monkeypatch)
    for name in vars(args).values():
        for one in name if isinstance(name, list) else [name]:
            check_config(one)


def check_config(name):
    """A config of this repository or of a toolbox is one."""
    if not isinstance(name, str) or not name.endswith('.py'):
        return
    toolbox = name.partition('::')[0]
    if toolbox in TOOLBOXES:
        pytest.importorskip(toolbox)
        assert load_config(name).model
    elif not is_own(name):
        assert load_config(str(ROOT / name)).model


def check_training(args, tmp_path, monkeypatch):
    """Read the config with its options, as a training would."""
    for name in (args.config, *(args.teacher or [])):
        if is_own(name):
            return
        if name.partition('::')[0] in TOOLBOXES:
            pytest.importorskip(name.partition('::')[0])
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'checkpoints').mkdir()  # WKD-L reads costs of the user's
    np.save('checkpoints/costs_cifar100.npy', 1 - np.eye(100))
    if '::' not in args.config:
        args.config = str(ROOT / args.config)
    use_teacher(args)
    config = job_config(args)
    check_model_block(config)
    set_training_options(config, args)
    assert config.work_dir.startswith('work_dirs/')


def check_script(words, tmp_path, monkeypatch):
    """A shell script of tools/: its options are those of what it starts."""
    script, *options = words
    source = (ROOT / script).read_text(encoding='utf-8')
    if script.endswith('dist_train.sh'):
        config, processes, *options = options
        assert processes.isdigit()
        options = ['tools/train.py', config, *options]
        check_python(options, tmp_path, monkeypatch)
    elif script.endswith('demo.sh'):
        check_python(['-m', 'demo', *options], tmp_path, monkeypatch)
    else:
        for option in options:
            assert option in source or is_own(option), option


def check_pytest(words, tmp_path, monkeypatch):
    for word in words:
        assert (
            word in ('-m', '-k', 'not slow')
            or 'abc' in word
            or (ROOT / word).exists()
        ), word


def check_words(*known):
    def check(words, tmp_path, monkeypatch):
        assert tuple(words) in known

    return check


def check_copy(words, tmp_path, monkeypatch):
    source, target = words
    assert (ROOT / source).is_file() and is_own(target)


CHECKS = {
    'python': check_python,
    'bash': check_script,
    'pytest': check_pytest,
    'cp': check_copy,
    'pip': check_words(('install', '--no-deps', '-e', '.')),
    'pre-commit': check_words(('install',)),
    'source': check_words(('.venv/bin/activate',)),
}


@pytest.mark.parametrize('command', commands(), ids=title)
def test_a_command_of_a_page(command, tmp_path, monkeypatch):
    name, *words = command.words
    assert name in CHECKS, f'{command.page}: no check of {name!r} here'
    check_files(words)
    CHECKS[name](words, tmp_path, monkeypatch)


def test_every_block_says_what_it_is():
    unknown = [b for b in blocks() if b.kind not in KINDS]
    assert not unknown, 'name the language behind ```, so that it is checked'
    assert len(commands()) > 60


def test_commands_are_read_as_a_shell_reads_them():
    text = 'A=x\nfor i in 1 2; do\n  python $A/{b,c}.py --n $i "(1, 2)"\ndone'
    assert shell_words(text) == [
        ('python', 'x/b.py', 'x/c.py', '--n', str(i), '(1, 2)') for i in (1, 2)
    ]
    with pytest.raises(ValueError, match='unexpected EOF'):
        shell_words('python "a')


@pytest.mark.parametrize(
    'words, message',
    [
        ('tools/train.py configs/kd/none.py', 'none.py'),
        ('tools/train.py my.py --methd kd', 'neither here'),
        ('tools/train.py my_run.py --methd kd', 'refuses'),
        (
            'tools/train.py configs/demo/faster_rcnn_dkd.py '
            '--cfg-options train_cfg.max_iters.x=1',
            'does not fit',
        ),
    ],
)
def test_mistakes_are_found(words, message, tmp_path, monkeypatch):
    pytest.importorskip('mmdet')
    command = SimpleNamespace(page='x', words=('python', *words.split()))
    with pytest.raises((AssertionError, ValueError), match=message):
        test_a_command_of_a_page(command, tmp_path, monkeypatch)
