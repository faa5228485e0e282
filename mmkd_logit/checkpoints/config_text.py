"""Parse a dumped config without running it."""

import ast
from typing import Any, Optional

_NAMES = {'inf': float('inf'), 'nan': float('nan')}


def parse_config(text: str) -> Optional[dict]:
    """Values of a config that MMEngine dumped.

    Args:
        text (str): Assignments of constants, lists, tuples and dicts. It is
            parsed, not run.

    Returns:
        dict, optional: None if the text holds anything else.
    """
    try:
        return {
            statement.targets[0].id: _literal(statement.value)
            for statement in ast.parse(text).body
        }
    except (
        AttributeError,
        MemoryError,
        RecursionError,
        SyntaxError,
        TypeError,
        ValueError,
    ):
        return None


def _literal(node: ast.AST) -> Any:
    """Like ``ast.literal_eval``, with ``dict(a=1)``, inf and nan as well."""
    if isinstance(node, (ast.List, ast.Tuple)):
        values = [_literal(item) for item in node.elts]
        return values if isinstance(node, ast.List) else tuple(values)
    if isinstance(node, ast.Dict):
        keys = [_literal(key) for key in node.keys]
        return dict(zip(keys, map(_literal, node.values)))
    if isinstance(node, ast.Call):
        if getattr(node.func, 'id', None) != 'dict' or not all(
            isinstance(arg, ast.Dict) for arg in node.args
        ):
            raise ValueError(f'{ast.unparse(node)} is not a plain value')
        # keys that are no names stand in a dict of their own
        values = _literal(node.args[0]) if node.args else {}
        values.update(
            (word.arg, _literal(word.value)) for word in node.keywords
        )
        return values
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_literal(node.operand)
    return ast.literal_eval(node)
