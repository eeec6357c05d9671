"""Checks of a1-classifiers and a4-training see what is off by little, and have a sentence about any garbage."""

import shutil
from functools import partial

import pytest

from nnscratch.course.exercises import assignments_folder, select
from nnscratch.course.inside import perform
from nnscratch.course.starters import with_function

SOLUTIONS = assignments_folder() / "solutions"
ROWS = select(["a1", "a4"])
EXACT = [row for row in ROWS if row.name != "a4.xavier"]  # of random weights the spread is looked at, to 3%
GARBAGE = ("None", "2.5", "'x'", "[]", "{}", "np.zeros((2, 2))", "(None, None)", "(1.0, {}, [])")
OFF = """

_right = {name}


def _off(value, part=-1):
    if isinstance(value, (tuple, list)):
        part %= len(value)
        return type(value)(_off(item) if k == part else item for k, item in enumerate(value))
    if isinstance(value, dict):
        return {{name: _off(item) if name == list(value)[-1] else item for name, item in value.items()}}
    if np.asarray(value).dtype.kind == "f":
        off = value * 1.0001 + 1e-4
        return off.astype(value.dtype) if isinstance(value, np.ndarray) else off
    return value + 1


def {name}(*given):
    value = _right(*given)
    return _off(value, {part}) if isinstance(value, tuple) and len(value) > {part} else _off(value)
"""


def outcome_of(row, folder, change):
    shutil.copytree(SOLUTIONS / row.assignment, folder / row.assignment, dirs_exist_ok=True)
    path = folder / row.path
    path.write_text(change((SOLUTIONS / row.path).read_text()))
    return perform(row.name, folder)


def _with(more, source):
    return source + more


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_garbage_is_wrong(row, tmp_path):
    for garbage in GARBAGE:
        answer = f"def {row.function}(*given):\n    return {garbage}\n"
        outcome = outcome_of(row, tmp_path, partial(with_function, name=row.function, function=answer))
        assert outcome["kind"] == "wrong", (garbage, outcome)
        assert len(outcome["message"]) < 400


@pytest.mark.parametrize("row", EXACT, ids=lambda row: row.name)
def test_every_part_is_looked_at(row, tmp_path):
    for part in range(3):
        outcome = outcome_of(row, tmp_path, partial(_with, OFF.format(name=row.function, part=part)))
        assert outcome["kind"] == "wrong", (part, outcome)
