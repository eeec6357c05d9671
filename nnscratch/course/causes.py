"""Plain causes of wrong values: transposed, a factor, a sign, an offset, the input itself."""

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np


def cause_of(found: np.ndarray, expected: np.ndarray, tolerance: float, given: Mapping[str, Any]) -> str:
    """Return in words what would explain all the wrong values at once, or "".

    found, expected: arrays of one shape. given: the arguments of the call; a factor is explained by their sizes.

    >>> cause_of(np.array([2.0, 4.0]), np.array([1.0, 2.0]), 1e-8, {"x": np.ones((2, 3))})
    'it is 2 times too large (2 is the length of x)'
    """
    if found.dtype.kind not in "iuf" or expected.dtype.kind not in "iuf" or found.size < 2:
        return ""
    if not np.isfinite(found).all() or not np.isfinite(expected).all():
        return ""
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    scale = np.max(np.abs(expected))

    def same(a, b):
        return bool(np.all(np.abs(a - b) <= max(tolerance, 1e-7) * (1e-12 + scale)))

    if not found.any():
        return "all of it is zero"
    for name, value in given.items():
        if isinstance(value, np.ndarray) and value.shape == found.shape and same(found, value):
            return f"it is {name}, unchanged"
    if same(found, -expected):
        return "the sign is wrong"
    words = _factor_words(found, expected, same, given) or _offset_words(found, expected, same, given)
    if words:
        return words
    for axes in ((0, 1), (-1, -2), (0, -1)):
        square = found.ndim > 1 and found.shape[axes[0]] == found.shape[axes[1]]
        if square and same(found.swapaxes(*axes), expected):
            return "it looks transposed"
    for axis in range(found.ndim):
        if same(np.flip(found, axis), expected):
            return f"it is the right thing upside down along axis {axis}"
    if same(np.sort(found, axis=None), np.sort(expected, axis=None)):
        return "these are the right numbers in the wrong places"
    wrong = np.abs(found - expected) > max(tolerance, 1e-7) * (1e-12 + scale)
    if wrong.sum() > 1 and not found[wrong].any():
        return "it is zero in places where it should not be"
    if wrong.sum() > 1 and not expected[wrong].any():
        return "it should be zero in these places"
    return _place_words(wrong)


def shape_words(found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return in words how a shape came out wrong, or "".

    >>> shape_words((3, 1), (3,)), shape_words((2, 12), (2, 3, 4))
    ('an axis of length 1 is left over (keepdims?)', 'the right number of elements: is a reshape missing?')
    """
    if len(found) == len(expected) and found == expected[::-1]:
        return "it looks transposed"
    if len(found) == len(expected) and sorted(found) == sorted(expected):
        return "its axes are in another order"
    if [n for n in found if n != 1] == [n for n in expected if n != 1]:
        over = len(found) > len(expected)
        return (
            "an axis of length 1 is left over (keepdims?)"
            if over
            else "an axis of length 1 is missing (keepdims?)"
        )
    if not found and expected:
        return "it is summed over all axes: is an axis=... missing?"
    if np.prod(found) == np.prod(expected):
        return "the right number of elements: is a reshape missing?"
    if len(found) > len(expected) and set(expected) <= set(found):
        return "is a sum over an axis missing?"
    return ""


def _factor_words(found, expected, same, given):
    """One factor everywhere, explained by a size of the arguments where one fits."""
    there = np.abs(expected) > 1e-3 * np.max(np.abs(expected))
    if not there.any():
        return ""
    factor = float(np.median(found[there] / expected[there]))
    if factor == 0 or not same(found / factor, expected):
        return ""
    size = max(abs(factor), 1 / abs(factor))
    words = f"it is {_short(size)} times too {'large' if abs(factor) > 1 else 'small'}"
    if factor < 0:
        words += " and has the wrong sign"
    for name, value in given.items():
        if isinstance(value, np.ndarray) and value.ndim:
            if len(value) > 1 and np.isclose(size, len(value)):
                return f"{words} ({len(value)} is the length of {name})"
            if value.size > 1 and np.isclose(size, value.size):
                return f"{words} ({value.size} is the number of elements of {name})"
        elif isinstance(value, (int, float)) and value and np.isclose(size, max(abs(value), 1 / abs(value))):
            return f"{words} ({name} is {value:g})" if abs(value) != 1 else words
    return words


def _offset_words(found, expected, same, given):
    """One number everywhere, or one for each place along an axis."""
    offset = found - expected
    for name, value in given.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 1 and value.any():
            for sign, words in ((-1, f"{name} is missing"), (1, f"{name} is one time too many")):
                if _fits(value, offset.shape) and same(offset, sign * value):
                    return f"the difference is {name}: {words}"
    if same(offset, offset.mean()):
        amount = float(offset.mean())
        if np.isclose(amount, -expected.mean(), rtol=1e-5):
            return "its mean was taken away"
        return f"everywhere it is {_short(abs(amount))} too {'large' if amount > 0 else 'small'}"
    for axis in range(found.ndim):
        if found.shape[axis] > 1 and same(offset, offset.mean(axis=axis, keepdims=True)):
            return f"along axis {axis} it is off by the same amount everywhere: is a term missing or one too many?"
    return ""


def _fits(value, shape):
    with contextlib.suppress(ValueError):
        return np.broadcast_shapes(value.shape, shape) == shape
    return False


def _place_words(wrong):
    """Where the wrong elements are, when they keep to one place along an axis or to the border."""
    if wrong.all() or wrong.sum() < 2:
        return ""
    for axis in range(wrong.ndim):
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        lines = wrong.any(axis=others)
        if lines.sum() == 1 and wrong.shape[axis] > 2:
            return f"all of them at index {int(np.argmax(lines))} of axis {axis}"
    if wrong.ndim >= 2 and min(wrong.shape[-2:]) > 2 and not wrong[..., 1:-1, 1:-1].any():
        return "all of them at the border"
    return ""


def _short(number):
    near = round(number)
    return str(near) if np.isclose(number, near, rtol=1e-6) else f"{number:.4g}"
