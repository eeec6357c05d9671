"""Wrong values that have a name: a check gives the results of typical slips, and the one that came is told."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnscratch.course import expect


def equal(found: Any, expected: Any, name: str, slips: Mapping[str, Any], **options: Any) -> Any:
    """Expect what expect.equal expects; where a slip explains what came instead, its words are added.

    slips: for each slip, in words, the value that it leads to; the first that fits is told. The other arguments
    are those of expect.equal.

    >>> equal(np.array([1.0, 4.0]), np.array([2.0, 6.0]), "out", {"the mean is taken, not the sum": [1.0, 4.0]})
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: out[1] is 4, it should be 6 ...: the mean is taken, not the sum
    """
    try:
        return expect.equal(found, expected, name, **options)
    except expect.Unmet as unmet:
        words = slip_in(found, expected, slips)
        if words:
            raise expect.Unmet(f"{unmet.what}: {words}") from None
        raise


def slip_in(found: Any, expected: Any, slips: Mapping[str, Any]) -> str:
    """Return the words of the first slip that leads to what was found, or "".

    >>> slip_in(np.array([2.0]), np.array([1.0]), {"it is doubled": [2.0]})
    'it is doubled'
    """
    return next((w for w, value in slips.items() if _same(found, np.asarray(value), np.asarray(expected))), "")


def none(found: Any, expected: Any, name: str, slips: Mapping[str, Any]) -> None:
    """Expect none of these slips; what else may be wrong is for the doctor to say.

    >>> none(np.array([2.0]), np.array([1.0]), "dx", {"it is doubled": [2.0]})
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: dx is wrong: it is doubled
    >>> none(np.array([3.0]), np.array([1.0]), "dx", {"it is doubled": [2.0]})
    """
    words = slip_in(found, expected, slips)
    if words:
        raise expect.Unmet(f"{name} is wrong: {words}")


def _same(found, value, expected):
    """Whether a slip leads to what was found, and not to what is right."""
    if np.shape(found) != value.shape or not np.issubdtype(np.asarray(found).dtype, np.number):
        return False
    exact = np.asarray(found).dtype != np.float32
    rtol = 1e-9 if exact else 1e-4
    with np.errstate(all="ignore"):
        fits = np.allclose(found, value, rtol=rtol, atol=1e-12 if exact else 1e-6, equal_nan=True)
        return bool(fits and not np.allclose(value, expected, rtol=1e-12, atol=0))
