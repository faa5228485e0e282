"""The examples in the docstrings give what they say."""

import doctest
import importlib
import pkgutil

import pytest
import torch

from mmkd_logit import losses

MODULES = [
    importlib.import_module(f'mmkd_logit.losses.{found.name}')
    for found in pkgutil.iter_modules(losses.__path__)
]
#: Public functions that compare two models' rows.
FUNCTIONS = [
    function
    for module in MODULES
    for name, function in vars(module).items()
    if name.endswith('_loss') and function.__module__ == module.__name__
]


def examples(module):
    """The docstrings of a module that hold an example."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = finder.find(module, extraglobs=dict(torch=torch))
    return [test for test in tests if test.examples]


@pytest.mark.parametrize('module', MODULES, ids=lambda m: m.__name__)
def test_examples_give_what_they_say(module):
    runner = doctest.DocTestRunner()
    for test in examples(module):
        assert runner.run(test).failed == 0


@pytest.mark.parametrize('function', FUNCTIONS, ids=lambda f: f.__name__)
def test_every_loss_function_has_an_example(function):
    module = importlib.import_module(function.__module__)
    shown = {test.name for test in examples(module)}
    assert f'{module.__name__}.{function.__name__}' in shown


def test_losses_are_found():
    names = {function.__name__ for function in FUNCTIONS}
    assert names >= {n for n in losses.__all__ if n.endswith('_loss')}
