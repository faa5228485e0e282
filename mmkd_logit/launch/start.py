"""A distillation from two configs of a toolbox and the name of a method."""

import copy
import os
from argparse import Namespace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from mmengine.config import Config
from mmengine.registry import DefaultScope

from ..checkpoints.files import check_folder
from ..distillers.build import build_model
from ..distillers.teachers import Checkpoints, ConfigSources
from ..heads.find import find_reader
from ..messages import WrongValue
from .config import (
    alone_or_all,
    check_number_of_checkpoints,
    is_distiller,
    load_config,
)
from .recipes import Recipe, find_recipe

#: One name, or one for each of several teachers.
Names = Union[str, List[str]]

_FILE = """\
# The student of {student}
# with the recipe {recipe}:
# {source}
_base_ = {base!r}

model = dict(
    _delete_=True,
    type='mmkd_logit.LogitDistiller',
    student=_base_.model,
    teacher={teacher},
    teacher_ckpt={teacher_ckpt},
    distill={distill})
{changes}"""


def distill(
    student: Union[str, Config],
    teacher: ConfigSources,
    method: str = 'dkd',
    teacher_ckpt: Checkpoints = 'auto',
) -> Config:
    """The config that trains a student with a teacher's logits.

    Args:
        student (str | Config): Config that trains the student alone: a path,
            ``'mmdet::...'``, or a config. It is not changed.
        teacher (str | dict | list): The teacher's config, or a list of
            several, see :class:`~mmkd_logit.distillers.LogitDistiller`.
        method (str): Such as ``'kd'``, ``'dkd'`` or ``'sd_dkd'``: a recipe of
            ``configs/_base_/recipes``. Defaults to 'dkd'.
        teacher_ckpt (str | list): Path or URL of the teacher's weights, or
            ``'auto'``; a list with one for each of several.
            Defaults to 'auto'.

    Returns:
        Config: For MMEngine's ``Runner``; its data, schedule and hooks are
        those of the student.

    Raises:
        ValueError: If no reader fits the student, or the method is unknown.

    Examples:
        >>> cfg = mmkd_logit.distill(
        ...     'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py',
        ...     teacher='mmdet::retinanet/retinanet_r101_fpn_2x_coco.py')
    """
    if isinstance(student, str):
        student = load_config(student)
    recipe = recipe_for(student, method)
    config = copy.deepcopy(student)
    changes = copy.deepcopy(recipe.changes.to_dict())
    config.model = dict(
        type='mmkd_logit.LogitDistiller',
        student=config.model,
        teacher=teacher,
        teacher_ckpt=teacher_ckpt,
        distill=changes['model'].pop('distill'),
    )
    hooks = changes.pop('custom_hooks', [])
    config.merge_from_dict(changes)
    if hooks:
        config.custom_hooks = [*config.get('custom_hooks', []), *hooks]
    return config


def write_distillation(
    folder: Path,
    student: str,
    teacher: Names,
    method: str,
    teacher_ckpt: Optional[Names] = None,
) -> Tuple[Path, Recipe]:
    """Write :func:`distill`'s config as a file of a few lines, to be edited.

    Args:
        folder (Path): Where to; made if needed.
        student (str): Path or ``'package::path'``.
        teacher (str | list[str]): Path or ``'package::path'``, or several.
        method (str): See :func:`distill`.
        teacher_ckpt (str | list[str], optional): Defaults to ``'auto'``.

    Returns:
        tuple[Path, Recipe]: The file, and the recipe whose numbers it has.
    """
    recipe = recipe_for(load_config(student), method)
    text = distillation_text(recipe, student, teacher, teacher_ckpt or 'auto')
    check_folder(str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{Path(student.split("::")[-1]).stem}_{method}.py'
    new = path.with_suffix(f'.{os.getpid()}')  # processes write it at once
    new.write_text(text, encoding='utf-8')
    new.replace(path)
    return path, recipe


def distillation_text(
    recipe: Recipe, student: str, teacher: Names, teacher_ckpt: Names
) -> str:
    """A config of a few lines: the student as base, and a recipe's block.

    Args:
        recipe (Recipe): Of the method.
        student (str): Path or ``'package::path'``.
        teacher (str | list[str]): Path or ``'package::path'``, or several.
        teacher_ckpt (str | list[str]): Path, URL or ``'auto'``.
    """
    changes = copy.deepcopy(recipe.changes.to_dict())
    terms = changes['model'].pop('distill')
    hooks = changes.pop('custom_hooks', [])
    model = {'model': changes.pop('model')}  # a name of the file itself
    lines = [f'{where} = {value!r}\n' for where, value in _assignments(model)]
    lines += [  # MMEngine merges what the base has too
        f'{name} = {_written(value, 0)}\n' for name, value in changes.items()
    ]
    if hooks:
        lines.append(
            "custom_hooks = [\n    *_base_.get('custom_hooks', []),\n"
            + ''.join(f'    {_written(hook, 4)},\n' for hook in hooks)
            + ']\n'
        )
    return _FILE.format(
        recipe=recipe.path.name,
        student=student,
        source=_wrapped(recipe.source),
        base=_absolute(student),
        teacher=_listed(teacher),
        teacher_ckpt=_listed(teacher_ckpt),
        distill=_written(terms, 4),
        changes=''.join(lines),
    )


def use_teacher(args: Namespace) -> None:
    """Make a distillation of ``--teacher`` and ``--method``, if given.

    The config is written below the work dir, as ``source/<student>_<method>
    .py``, and takes the place of the student's in ``args``. Where its numbers
    are from is printed. ``--teacher`` and ``--teacher-ckpt`` may be given
    once for each of several teachers.

    Raises:
        ValueError: If ``--method`` is given alone, or the checkpoints are not
            as many as the teachers.
    """
    args.teacher = alone_or_all(args.teacher)
    args.teacher_ckpt = alone_or_all(getattr(args, 'teacher_ckpt', None))
    if not args.teacher:
        if args.method:
            raise WrongValue(
                f'--method {args.method} needs the config of a teacher; add '
                '--teacher'
            )
        return
    method = args.method or 'dkd'
    check_number_of_checkpoints(args.teacher, args.teacher_ckpt)
    name = Path(args.config.split('::')[-1]).stem
    args.work_dir = args.work_dir or str(Path('work_dirs', method, name))
    path, recipe = write_distillation(
        Path(args.work_dir) / 'source',
        args.config,
        args.teacher,
        method,
        args.teacher_ckpt,
    )
    print(
        f'{method}: {recipe.source}\n'
        f'the recipe: {recipe.path}\n'
        f'the config, to be edited: {path}'
    )
    args.config, args.teacher_ckpt = str(path), None


def recipe_for(config: Config, method: str) -> Recipe:
    """A method's recipe for a student; builds the student to see its head.

    Raises:
        ValueError: If the config trains a distiller already, has no model, or
            no reader fits; or the method has no recipe for its rows.
    """
    model = config.get('model')
    if not isinstance(model, dict) or is_distiller(model):
        what = 'no `model`' if not model else 'a distiller as model'
        raise WrongValue(
            f"the student's config has {what}; give the config that trains "
            'the student alone'
        )
    with DefaultScope.overwrite_default_scope(config.get('default_scope')):
        built = build_model(copy.deepcopy(model), 'student')
        reader = find_reader(built)
        return find_recipe(method, reader, reader.facts(built).use_sigmoid)


def _listed(names: Names) -> str:
    """One name, or a list of them, as a config has it."""
    if isinstance(names, str):
        return repr(_absolute(names))
    return ''.join(
        ['[', *(f'\n        {_absolute(one)!r},' for one in names), '\n    ]']
    )


def _absolute(name: str) -> str:
    """A file's whole path; other names as they are."""
    return str(Path(name).resolve()) if Path(name).exists() else name


def _assignments(
    changes: Dict[str, Any], where: str = ''
) -> Iterator[Tuple[str, Any]]:
    """Single entries of nested dicts, as code names them."""
    for key, value in changes.items():
        name = f'{where}[{key!r}]' if where else key
        if isinstance(value, dict):
            yield from _assignments(value, name)
        else:
            yield name, value


def _written(value: Any, indent: int) -> str:
    """``dict(a=1)`` as a config has it, one entry a line where long."""
    if not isinstance(value, dict):
        return repr(value)
    words = [
        f'{key}={_written(part, indent + 4)}' for key, part in value.items()
    ]
    line = f'dict({", ".join(words)})'
    if len(line) + indent < 70:
        return line
    gap = '\n' + ' ' * (indent + 4)
    return f'dict({gap}{("," + gap).join(words)})'


def _wrapped(text: str) -> str:
    """A comment of several lines."""
    lines: List[str] = ['']
    for word in text.split():
        if len(lines[-1]) + len(word) > 74:
            lines.append('')
        lines[-1] = f'{lines[-1]} {word}'.strip()
    return '\n# '.join(lines)
