"""Find single precision inside a double precision backward, which is too small for differences to see."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnscratch.gradcheck.subject import arrays_in, rebuild

# Relative changes: two that single precision hears, and one that it rounds away.
HEARD, ALSO_HEARD, UNHEARD = 2.0**-17, 2.0**-19, 2.0**-33


def rounded_gradient(
    backward: Callable,
    dout: np.ndarray,
    cache: Any,
    grads: dict[str, np.ndarray],
    inputs: dict[str, Any],
) -> str | None:
    """Return the name of a gradient of which some ingredient was rounded to single precision, or None.

    backward(dout, cache) -> {name: gradient}. All float64 numbers in dout and the cache are changed a little, by
    three amounts: a gradient in double precision changes in proportion, one in single does not hear the smallest.
    Then the numbers in the cache are looked at that were rounded already: those which a single can hold, though
    no number of the inputs is of that sort. Only what a gradient depends on counts.

    >>> single = lambda dout, x: {"x": dout * x.astype(np.float32)}
    >>> x, dout = np.random.default_rng(0).normal(size=(2, 9))
    >>> rounded_gradient(single, dout, x, single(dout, x), {"x": x})
    'x'
    >>> double = lambda dout, x: {"x": dout * x}
    >>> rounded_gradient(double, dout, x, double(dout, x), {"x": x})
    >>> rounded_gradient(double, dout, x.astype(np.float32), double(dout, x), {"x": x})
    'x'
    """
    arrays = [dout, *arrays_in(cache)]
    directions = [np.random.default_rng(k).uniform(0.5, 1.5, a.shape) for k, a in enumerate(arrays)]

    def change(step, where):
        def moved(k, a):
            return a * (1 + step * directions[k]) if where(a) else a

        try:
            changed = backward(moved(0, dout), rebuild(cache, lambda k, a: moved(k + 1, a)))
        except Exception:  # backward does not take such a cache
            return {}
        return {
            name: (np.asarray(changed[name], np.float64) - grad) / step
            for name, grad in grads.items()
            if name in changed and np.shape(changed[name]) == grad.shape
        }

    with np.errstate(all="ignore"):
        steps = [change(step, lambda a: a.dtype == np.float64) for step in (HEARD, ALSO_HEARD, UNHEARD)]
        for name, grad in grads.items():
            if all(name in step for step in steps) and _deaf(grad, *(step[name] for step in steps)):
                return name
        if any(_is_single(a) for a in arrays[1:]) and not any(_is_single(a) for a in inputs.values()):
            for name, heard in change(HEARD, _is_single).items():
                if np.any(np.abs(heard) > 1e-3 * np.max(np.abs(grads[name]), initial=0.0)):
                    return name
    return None


def _deaf(grad, first, second, tiny):
    """Whether many elements that answer alike to the two larger changes answer otherwise to the smallest."""
    size = np.abs(first)
    rounding = 100 * np.finfo(np.float64).eps * np.max(np.abs(grad), initial=0.0) / UNHEARD
    clear = (size > 1e-4 * np.max(size, initial=0.0)) & (size > 100 * rounding)
    clear &= np.abs(first - second) < 0.08 * size
    deaf = clear & (np.abs(tiny - first) > 0.15 * size)
    return bool(clear.sum() >= min(3, size.size) and deaf.sum() >= max(1, 0.3 * clear.sum()))


def _is_single(array):
    """Whether an array holds numbers that were rounded to float32: more digits than float16 has, but no more.

    Numbers near zero are left out: what round-off leaves of a sum that should be zero has few digits as well.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        return False
    found = array[np.isfinite(array) & (np.abs(array) > 1e-12)]
    digits = np.frexp(found.astype(np.float64))[0]
    return bool((digits * 2**24 % 1 == 0).all() and (digits * 2**12 % 1 != 0).sum() >= 3)
