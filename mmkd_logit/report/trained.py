"""What was trained: settings that differ, versions, and warnings."""

from typing import Dict, List, Sequence

from ..launch.run_settings import Settings, differences
from .runs import Group, Run


def changes(groups: Sequence[Group]) -> List[dict]:
    """Settings of each group that another one does not have.

    A distilled student is compared with the same student alone, if it is
    there, and every other group with the first one.

    Returns:
        list[dict]: ``name``, ``other`` and ``changed``, a line per setting.
    """
    found = []
    for number, group in enumerate(groups):
        by_name = {one.name: one for one in groups}
        other = by_name.get(group.baseline, groups[0])
        if not number and other is group:
            continue
        changed = [
            text.replace(' was ', ': ', 1).replace(', is ', ' → ', 1)
            for text in differences(
                aligned(other.runs[0]), aligned(group.runs[0])
            )
            if not text.startswith('randomness.seed')
        ]
        found.append(dict(name=group.name, other=other.name, changed=changed))
    return found


def aligned(run: Run) -> Settings:
    """Settings under the names that the student has alone.

    ``model.student.backbone.depth`` becomes ``model.backbone.depth``; the type
    of the distiller is left out.
    """
    if not run.is_distilled:
        return run.settings
    start = 'model.student.'
    return {
        ('model.' + key[len(start) :] if key.startswith(start) else key): value
        for key, value in run.settings.items()
        if key != 'model.type'
    }


def shared_versions(groups: Sequence[Group]) -> Dict[str, str]:
    """Versions that all runs logged; {} if two of them differ."""
    runs = [run for group in groups for run in group.runs]
    same = all(run.versions == runs[0].versions for run in runs)
    return runs[0].versions if same else {}


def warnings_of(groups: Sequence[Group]) -> List[dict]:
    """Each warning once, with the runs that logged it.

    Returns:
        list[dict]: ``text`` and ``runs``, names or ``'all runs'``; what
        libraries say of their own future comes last.
    """
    runs = [run for group in groups for run in group.runs]
    names: Dict[str, List[str]] = {}
    for run in runs:
        for text in run.warnings:
            names.setdefault(text, []).append(run.name)
    return [
        dict(
            text=text,
            runs='all runs' if len(who) == len(runs) > 1 else ', '.join(who),
        )
        for text, who in sorted(
            names.items(), key=lambda item: 'deprecated' in item[0]
        )
    ]
