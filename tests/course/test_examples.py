"""The examples in the docstrings of the exercises are true, of the solutions."""

import doctest
import importlib
import sys

import numpy as np
import pytest

from nnscratch.course.exercises import assignments_folder

FILES = sorted((assignments_folder() / "solutions").glob("a[0-9]*/*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_examples_are_true(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    siblings = {other.stem for other in path.parent.glob("*.py")}
    for name in siblings & set(sys.modules):
        monkeypatch.delitem(sys.modules, name)
    module = importlib.import_module(path.stem)
    try:
        result = doctest.testmod(module, extraglobs={"np": np}, optionflags=doctest.NORMALIZE_WHITESPACE)
    finally:
        for name in siblings:
            sys.modules.pop(name, None)
    assert result.failed == 0
