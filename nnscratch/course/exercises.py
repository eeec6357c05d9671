"""The exercises: one row for each, in the order in which they are worked through."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path


class CourseError(ValueError):
    """Something about the course is not as it should be: the folder, a file, or the name of an exercise."""


@dataclass(frozen=True)
class Exercise:
    """One function to write: where, how long it takes, what it is worth, what helps, and how it is checked.

    `check(mine, rng)` raises when the learner's function `mine` is not as its docstring says. `seconds` and
    `megabytes` limit one check.

    >>> row = Exercise("a2.affine_forward", "a2_layers", "affine.py", 10, 1, ("Look at the axes.",), print)
    >>> row.function, row.path
    ('affine_forward', 'a2_layers/affine.py')
    """

    name: str
    assignment: str
    file: str
    minutes: int
    points: int
    hints: tuple[str, ...]
    check: Callable
    seconds: float = 20.0
    megabytes: int = 2048

    @property
    def function(self) -> str:
        """The name of the function to write."""
        return self.name.partition(".")[2]

    @property
    def path(self) -> str:
        """Where the function is to be written, below the learner's folder."""
        return f"{self.assignment}/{self.file}"


_rows: list[Exercise] = []
_assignment = ""


def exercise(
    name: str,
    file: str,
    minutes: int,
    points: int = 1,
    hints: Sequence[str] = (),
    seconds: float = 20.0,
    megabytes: int = 2048,
) -> Callable:
    """Make a row of the check below: `@exercise("a2.relu_forward", file="activations.py", minutes=5, ...)`.

    The rows of a file are worked through from top to bottom; an assignment may have several files, in the order of
    their names: a2_layers.py, a2_layers_norms.py. `hints` are three, from a nudge to nearly the line.

    >>> @exercise("a2.double", file="numbers.py", minutes=5)
    ... def double(mine, rng):
    ...     assert mine(3) == 6
    >>> double(lambda x: 2 * x, None)
    >>> _rows.pop().file
    'numbers.py'
    """

    def add(check):
        _rows.append(Exercise(name, _assignment, file, minutes, points, tuple(hints), check, seconds, megabytes))
        return check

    return add


def assignments_folder() -> Path:
    """Return the folder of the solutions and checks: beside the package in a checkout, in it when installed.

    >>> (assignments_folder() / "checks").is_dir()
    True
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "assignments", package.parents[1] / "assignments"):
        if (folder / "checks").is_dir():
            return folder
    raise CourseError("the exercises are missing from this installation: install nnscratch again")


@cache
def all_exercises() -> dict[str, Exercise]:
    """Return all exercises by name, in the order of the course.

    >>> all_exercises()["a2.affine_forward"].path
    'a2_layers/affine.py'
    """
    global _assignment
    _rows.clear()
    for path in sorted((assignments_folder() / "checks").glob("a[0-9]*.py")):
        _assignment = "_".join(path.stem.split("_")[:2])  # a2_layers_norms is a part of a2_layers
        spec = importlib.util.spec_from_file_location(f"nnscratch_checks_{path.stem}", path)
        assert spec is not None and spec.loader is not None  # a path that ends in .py has both
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return {row.name: row for row in _rows}


def find_exercise(name: str) -> Exercise:
    """Return the exercise of that name; "affine_forward" will do for "a2.affine_forward" where only one has it.

    >>> find_exercise("affine_forward").name
    'a2.affine_forward'
    """
    rows = all_exercises()
    short = [row for row in rows.values() if row.function == name]
    if len(short) == 1:
        return short[0]
    if name in rows:
        return rows[name]
    near = get_close_matches(name, [*rows, *(row.function for row in rows.values())], n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    raise CourseError(f"unknown exercise {name}: {guess}nnscratch learn status --all lists them")


def select(names: Sequence[str]) -> list[Exercise]:
    """Return the exercises meant by names of exercises, files or assignments: "a2.affine_forward", "a2".

    >>> [row.name for row in select(["a2"])][:1]
    ['a2.affine_forward']
    """
    chosen: dict[str, Exercise] = {}
    for name in names:
        plain = name.rstrip("/").replace("-", "_")
        some = [
            row
            for row in all_exercises().values()
            if plain in (row.assignment, row.name.partition(".")[0], row.path, row.file)
        ]
        chosen |= {row.name: row for row in some or [find_exercise(name)]}
    return list(chosen.values())
