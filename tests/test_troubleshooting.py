"""Sentences that pages quote are those that the code has."""

import ast
import re
from functools import lru_cache
from pathlib import Path

import mmengine
import pytest

from mmkd_logit import hooks
from mmkd_logit.plan.probe import LEAST, MOST

ROOT = Path(__file__).resolve().parents[1]
#: Stands for a value in a sentence.
VALUE = '\x00'


def text_of(node):
    """The words of a string, a formatted one, or a sum of strings."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return ''.join(text_of(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return VALUE


@lru_cache(maxsize=None)
def sentences(folder):
    """Every string of the code of a folder, values left out."""
    found = []
    for path in sorted(Path(folder).rglob('*.py')):
        if '.mim' not in path.parts:
            nodes = list(ast.walk(ast.parse(path.read_text('utf-8'))))
            docstrings = {
                id(node.value) for node in nodes if isinstance(node, ast.Expr)
            }
            found += [
                text_of(node)
                for node in nodes
                if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp))
                and id(node) not in docstrings
            ]
    return '\n'.join(text.replace('\n', ' ') for text in found)


def is_in(quoted, folder):
    parts = [re.escape(part.strip()) for part in quoted.split('...')]
    # marks of code inside a sentence are not part of a quotation
    text = sentences(str(folder)).replace('`', '')
    return re.search('.*'.join(parts), text) is not None


def quotations():
    """Section and each quoted sentence of the page's tables."""
    page = (ROOT / 'docs/troubleshooting.md').read_text(encoding='utf-8')
    for part in page.split('\n## ')[1:]:
        section = part.partition('\n')[0]
        for row in re.findall(r'^\| (`.*?) \| ', part, re.M):
            for quoted in re.findall(r'`([^`]+)`', row):
                yield section, quoted


@pytest.mark.parametrize('section, quoted', list(quotations()))
def test_a_quoted_sentence_is_one_of_the_code(section, quoted):
    if section != 'From others':
        assert is_in(quoted, ROOT / 'mmkd_logit'), quoted
    elif 'registry' in quoted:
        assert is_in(quoted, Path(mmengine.__file__).parent / 'registry')


def test_there_are_quotations_and_others_are_not_found():
    assert len(list(quotations())) > 40
    assert not is_in('the teacher has ... wings', ROOT / 'mmkd_logit')


def test_names_of_no_gain_are_those_of_the_probe():
    page = (ROOT / 'docs/no_gain.md').read_text(encoding='utf-8')
    for name in ('teacher right', 'gradient at the backbone'):
        assert f'`{name}`' in page
        assert is_in(name, ROOT / 'mmkd_logit' / 'plan')
    assert f'Below {LEAST:g} ' in page
    assert f'above {MOST:g} ' in page
    for hook in re.findall(r'`(KD\w+Hook)`', page):
        assert hook in hooks.__all__
