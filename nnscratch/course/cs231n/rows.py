"""The parts of CS231n's assignments that a student writes, as rows, and how a row is made from a pair."""

import importlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.course import NotWritten, expect
from nnscratch.course.exercises import CourseError, Exercise

FILES = ("layers_rows", "recurrent_rows", "classifier_rows", "network_rows")
_rows: list[Exercise] = []


def row(name: str, file: str, seconds: float = 60.0) -> Callable:
    """Make a row of the check below: `@row("relu_forward", "layers.py")`, the path below the folder cs231n.

    >>> @row("double", "numbers.py")
    ... def double(mine, rng):
    ...     assert mine(3) == 6
    >>> _rows.pop().path
    'cs231n/numbers.py'
    """

    def add(check):
        _rows.append(Exercise(f"{Path(file).stem}.{name}", "cs231n", file, 0, 1, (), check, seconds))
        return check

    return add


@cache
def all_rows() -> dict[str, Exercise]:
    """Return all rows by name, in the order of the assignments.

    >>> all_rows()["layers.affine_backward"].path
    'cs231n/layers.py'
    """
    modules = [importlib.import_module(f"nnscratch.course.cs231n.{file}").__name__ for file in FILES]
    return {row.name: row for row in sorted(_rows, key=lambda row: modules.index(row.check.__module__))}


def function_of(row: Exercise) -> str:
    """Return the name of the function or class that a row is about, or of the class whose method it is.

    >>> function_of(all_rows()["layers.affine_backward"])
    'affine_backward'
    """
    return row.function.partition(".")[0]


def find_row(name: str) -> Exercise:
    """Return a row by its name, "layers.affine_forward", or "affine_forward" where only one has it.

    >>> find_row("affine_forward").name
    'layers.affine_forward'
    """
    rows = all_rows()
    short = [row for row in rows.values() if name in (row.name, function_of(row))]
    if len(short) != 1:
        raise CourseError(
            f"there is no part {name!r} of CS231n's assignments that is checked: choose of {list(rows)}"
        )
    return short[0]


def written(result: Any, name: str) -> Any:
    """Return a result; raise NotWritten where it is None, or holds nothing but None: the untouched placeholder.

    >>> written((None, (1, 2)), "affine_forward")
    Traceback (most recent call last):
    nnscratch.course.NotWritten: affine_forward
    """
    if result is None or (isinstance(result, tuple) and (not result or result[0] is None)):
        raise NotWritten(name)
    return result


def check_forward(mine: Callable, reference: Callable, inputs: Callable, rng: Any, shapes: Any) -> None:
    """Expect mine(*inputs) to give the reference's out, and to leave its inputs as they are.

    inputs: function of rng and a shape that gives fresh arguments; dicts are copied for each call.

    >>> from nnscratch.interop.cs231n.layers import relu_forward
    >>> rng = np.random.default_rng(0)
    >>> check_forward(relu_forward, relu_forward, lambda rng, n: (rng.normal(size=n),), rng, [3])
    """
    name = mine.__name__
    for shape in shapes:
        arguments = inputs(rng, shape)
        arrays = [value for value in arguments if isinstance(value, np.ndarray)]
        result = written(expect.unchanged(partial(mine, *_fresh(arguments)), *arrays), name)
        out, _ = expect.pair(result, name)
        expected, _ = reference(*_fresh(arguments))
        given = {f"input {i + 1}": value for i, value in enumerate(arguments)}
        expect.equal(out, expected, "out", given=given)


def check_backward(mine: Callable, inputs: tuple, forward: str = "", wrt: Any = None) -> None:
    """Expect the gradient doctor to find nothing in `mine` and the forward function beside it.

    >>> from nnscratch.interop.cs231n import layers
    >>> layers.relu_backward.module = layers
    >>> check_backward(layers.relu_backward, (np.array([-1.0, 2.0]),))
    """
    name = forward or mine.__name__.replace("_backward_alt", "_forward").replace("_backward", "_forward")
    forward_pass = expect.function(mine, name)
    out, cache = expect.pair(written(forward_pass(*_fresh(inputs)), name), name)
    dout = np.random.default_rng(1).normal(size=np.shape(out))
    written(mine(dout, cache), mine.__name__)
    expect.gradients(forward_pass, mine, inputs, wrt)


def _fresh(arguments):
    return tuple(dict(value) if isinstance(value, dict) else value for value in arguments)
