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
    slips: Mapping[str, Any] | None = None,
    remedies: Mapping[str, Any] | None = None,
) -> Any:
    """Expect a value as `expect.equal` does; where it is wrong as a known mistake would make it, say so.

    slips: for each mistake, in words that follow "it looks as if", what it leads to: a value, or a function that
    gives it. remedies: the same in words that stand for themselves, and tell how it should be. The last one that
    fits is told, so put the special ones last.

    >>> equal(np.array([1.0, 8.0]), np.array([1.0, 4.0]), "out", slips={"x were cubed": lambda: [1, 8]})
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: out[1] is 8, it should be 4: it looks as if x were cubed
    >>> equal(np.array([1.0, 8.0]), np.array([1.0, 4.0]), "out", remedies={"x is to be squared": [1, 8]})
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: out[1] is 8, it should be 4: x is to be squared
    """
    try:
        return expect.equal(found, expected, name, tolerance, given)
    except expect.Unmet as unmet:
        looks = {f"it looks as if {words}": make for words, make in (slips or {}).items()}
        words = _cause(found, expected, {**(remedies or {}), **looks})
        if not words:
            raise
        what, given_for, call = unmet.what.partition(" (for ")
        raise expect.Unmet(f"{what}: {words}{given_for}{call}", unmet.where) from None


def none_of(found: Any, expected: Any, name: str, remedies: Mapping[str, Any]) -> None:
    """Expect that a value is no known mistake's; whatever else may be wrong with it is for the doctor to say.

    >>> none_of(np.array([2.0]), np.array([1.0]), "dx", {"the factor 2 belongs to dw": [2.0]})
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: dx is wrong: the factor 2 belongs to dw
    >>> none_of(np.array([3.0]), np.array([1.0]), "dx", {"the factor 2 belongs to dw": [2.0]})
    """
    words = _cause(found, expected, remedies)
    expect.true(not words, f"{name} is wrong: {words}")


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


def _cause(found, expected, mistakes):
    """The words of the last mistake that explains what was found, or ""."""
    return next((words for words, make in reversed(mistakes.items()) if _explains(found, make, expected)), "")


def _explains(found, make, expected):
    """Whether a mistake leads to what was found, which it must do far better than what is right."""
    if not isinstance(found, (np.ndarray, np.generic, int, float)):
        return False
    found, expected = np.asarray(found), np.asarray(expected)
    try:
        with np.errstate(all="ignore"):
            slip = np.asarray(make() if callable(make) else make)
            room = 1e-4 if found.dtype == np.float32 else 1e-7
            least = 0.01 * room * (1 + np.max(np.abs(slip[np.isfinite(slip)]), initial=0.0))
            if slip.shape != found.shape or not np.allclose(found, slip, room, least, equal_nan=True):
                return False
    except (TypeError, ValueError, IndexError):  # it cannot happen with these shapes, or there are no numbers
        return False
    if found.shape != expected.shape:
        return True
    off, rounding = _distance(found, expected), 1e-12 * (1 + np.max(np.abs(expected), initial=0.0))
    return off > rounding and _distance(found, slip) <= 0.01 * off


def _distance(a, b):
    """The largest difference; two NaN are alike, and one alone is infinitely far."""
    apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
    apart = np.where(np.isnan(a) & np.isnan(b), 0.0, np.where(np.isnan(apart), np.inf, apart))
    return float(np.max(apart, initial=0.0))
