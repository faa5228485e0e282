"""Words for the report of what is trained."""

from torch import nn

from .term import Term


def describe_rows(term: Term) -> str:
    """What the loss of a term compares, and what the head gave."""
    kind = 'sigmoid' if term.facts.use_sigmoid else 'softmax'
    rows = f'{kind} rows of {term.facts.channels}'
    if term.view == 'categorical':
        rows += (
            f' (categorical view of {term.facts.channels - 1} sigmoid classes)'
        )
    return rows


def describe_init(model: nn.Module) -> str:
    """What the student's config says about its first weights."""
    for part in (model, getattr(model, 'backbone', None)):
        init = getattr(part, 'init_cfg', None)
        for one in init if isinstance(init, list) else [init or {}]:
            if one.get('type') == 'Pretrained':
                return (
                    f'{one.get("checkpoint")}'
                    f'{" (backbone)" if part is not model else ""}'
                )
    return 'random'
