"""Known slips: a wrong value that is just what a typical mistake would give is told by its cause."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnscratch.course import expect


def equal(
    found: Any,
    expected: Any,
    name: str,
    tolerance: float = 1e-8,
    given: Mapping | None = None,
    slips: Mapping[str, Callable[[], Any]] | None = None,
) -> Any:
    """Expect a value as `expect.equal` does; where it is wrong as one of `slips` would be, say so.

    slips: for each mistake, in words that follow "it looks as if", a function that gives what it would lead to.
    The last one that fits is told, so put the special ones last.

    >>> equal(np.array([1.0, 8.0]), np.array([1.0, 4.0]), "out", slips={"x were cubed": lambda: [1, 8]})
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: out[1] is 8, it should be 4: it looks as if x were cubed
    """
    try:
        return expect.equal(found, expected, name, tolerance, given)
    except expect.Unmet as unmet:
        fitting = [words for words, make in (slips or {}).items() if _same(found, make)]
        if not fitting:
            raise
        raise expect.Unmet(f"{unmet.what}: it looks as if {fitting[-1]}", unmet.where) from None


def float32_kept(forward: Callable, backward: Callable, **inputs: np.ndarray) -> None:
    """Expect the gradient of every input to be float32 where all inputs are.

    >>> float32_kept(lambda x: (2 * x, None), lambda dout, _: np.float64(2) * dout, x=np.ones(3))
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: with all inputs in float32, dx should be float32, it is float64
    """
    out, cache = forward(*(value.astype(np.float32) for value in inputs.values()))
    grads = backward(np.ones_like(out), cache)
    for name, grad in zip(inputs, grads if isinstance(grads, tuple) else (grads,)):
        kind = np.asarray(grad).dtype
        expect.true(kind == np.float32, f"with all inputs in float32, d{name} should be float32, it is {kind}")


def _same(found, make):
    try:
        with np.errstate(all="ignore"):
            slip = np.asarray(make())
    except (ValueError, IndexError):  # a slip that cannot happen with these shapes
        return False
    found = np.asarray(found)
    return slip.shape == found.shape and bool(np.allclose(found, slip, rtol=1e-4, atol=1e-6, equal_nan=True))
