"""One form for whatever is checked: a pair, a layer, a loss or a model."""

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from nnscratch.gradcheck.findings import Finding

PLAIN = (bool, int, float, str, bytes, type(None), np.generic)


class FormError(ValueError):
    """forward or backward returned something that is not of the agreed form; `finding` says what."""

    def __init__(self, message: str, finding: Finding | None = None) -> None:
        super().__init__(message)
        advice = "forward returns (out, cache), backward one gradient for each input to differentiate"
        self.finding = finding or Finding("wrong-shape", "the form of the pair", message, advice)


class Subject(NamedTuple):
    """Whatever is checked (pair, layer, loss, model), brought to one form.

    forward(given) -> (out, cache) and backward(dout, cache) -> {name: gradient}, where `given` is a dict like
    `inputs`. `wrt` names the float64 arrays in it to differentiate, `may_change` those that forward may write to
    (running statistics). `code` is the function that the user wrote as backward, for hints at its lines.
    """

    title: str
    forward: Callable
    backward: Callable
    inputs: dict[str, Any]
    wrt: list[str]
    may_change: tuple[str, ...] = ()
    code: Any = None
    settings: dict[str, Any] = {}


def is_floating(value: Any) -> bool:
    """Whether a value is a floating-point array.

    >>> is_floating(np.ones(2)), is_floating(np.arange(2)), is_floating(0.5)
    (True, False, False)
    """
    return (
        hasattr(value, "dtype")
        and hasattr(value, "reshape")
        and getattr(value, "ndim", -1) >= 0
        and _is_array(value)
    )


def _is_array(value):
    return not isinstance(value, np.generic) and value.dtype.kind == "f"


def is_numeric(value: Any) -> bool:
    """Whether a value is a number or an array of numbers.

    >>> is_numeric(np.ones(2)), is_numeric(0.5), is_numeric("dx"), is_numeric(None)
    (True, True, False, False)
    """
    return isinstance(value, (np.ndarray, np.generic, float, int)) and np.asarray(value).dtype.kind in "biuf"


def fresh(value: Any) -> Any:
    """Return the value, copied unless it is plain (a number, a string, nothing).

    >>> numbers = [1, 2]
    >>> fresh(numbers) is numbers, fresh(3)
    (False, 3)
    """
    return value if isinstance(value, PLAIN) else copy.deepcopy(value)


def fresh_inputs(subject: Subject) -> dict[str, Any]:
    """Return copies of all inputs of a subject.

    >>> subject = Subject("f", len, len, {"x": np.ones(2)}, ["x"])
    >>> fresh_inputs(subject)["x"] is subject.inputs["x"]
    False
    """
    return {name: fresh(value) for name, value in subject.inputs.items()}


def arrays_in(tree: Any) -> Iterator[np.ndarray]:
    """Yield the arrays in nested tuples, lists, dicts and simple objects, in order.

    >>> [array.shape for array in arrays_in((np.ones(2), {"mask": np.ones((3, 1))}))]
    [(2,), (3, 1)]
    """
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, (tuple, list, dict)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from arrays_in(item)


def rebuild(tree: Any, change: Callable, counter: Iterator[int] | None = None) -> Any:
    """Return a copy of nested tuples, lists and dicts in which change(k, array) has replaced array number k.

    >>> rebuild((np.ones(2), {"n": 3, "w": np.ones(1)}), lambda k, array: array + k)
    (array([1., 1.]), {'n': 3, 'w': array([2.])})
    """
    counter = itertools.count() if counter is None else counter
    if isinstance(tree, np.ndarray):
        return change(next(counter), tree)
    if isinstance(tree, dict):
        return {key: rebuild(value, change, counter) for key, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(rebuild(value, change, counter) for value in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(rebuild(value, change, counter) for value in tree)
    return tree


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal, arrays element by element (nan equals nan).

    >>> same(np.array([1.0, np.nan]), np.array([1.0, np.nan])), same(np.ones(2), np.ones(3))
    (True, False)
    """
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    return True
