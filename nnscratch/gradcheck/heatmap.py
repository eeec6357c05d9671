"""Where in an array a gradient is wrong: a small map of the error, and the places in words."""

from typing import Any

import numpy as np

SHADES = "·░▒▓█"
MOST_ROWS, MOST_COLUMNS = 8, 32


def heat_map(entry: Any) -> np.ndarray | None:
    """Return the error of an entry as a small map (rows, columns) from 0 (right) to 1 (worst), or None.

    The last two axes are shown, the worst over the others; larger maps are thinned out, keeping the worst. A
    gradient that is wrong everywhere, or of which not all elements were measured, has no map.

    >>> from nnscratch.gradcheck.report import Entry
    >>> entry = Entry("x", "wrong", analytic_values=np.array([1.0, 2.0]), numeric_values=np.array([1.0, 1.0]),
    ...               bad=np.array([False, True]), shape=(2,))
    >>> heat_map(entry)
    array([[0., 1.]])
    """
    if entry.bad is None or entry.bad.all() or not entry.bad.any() or entry.bad.size != np.prod(entry.shape):
        return None
    with np.errstate(all="ignore"):
        error = np.where(entry.bad, np.abs(entry.analytic_values - entry.numeric_values), 0.0)
    error = np.where(np.isfinite(error), error, np.nanmax(np.where(np.isfinite(error), error, 0.0)) or 1.0)
    error = np.sqrt(error / max(float(error.max()), 1e-300)).reshape(entry.shape)
    error = np.where(entry.bad.reshape(entry.shape), np.maximum(error, 0.15), 0.0)
    image = error.reshape(1, -1) if error.ndim < 2 else error.reshape(-1, *error.shape[-2:]).max(axis=0)
    return _thin(_thin(image, MOST_ROWS).T, MOST_COLUMNS).T


def places(entry: Any) -> str | None:
    """Return in words where the wrong elements are, or None if everywhere.

    >>> from nnscratch.gradcheck.report import Entry
    >>> places(Entry("x", "wrong", bad=np.array([True, False, True, False]), shape=(2, 2)))
    '2 of 4 elements, all at axis 1 = 0'
    """
    if entry.bad is None or entry.bad.all() or not entry.bad.any():
        return None
    count = f"{int(entry.bad.sum())} of {entry.bad.size} elements"
    if entry.bad.size != np.prod(entry.shape):
        return f"{count} that were drawn"
    where = np.nonzero(entry.bad.reshape(entry.shape))
    words = []
    for axis, (found, length) in enumerate(zip(where, entry.shape)):
        distinct = sorted(set(found.tolist()))
        if len(distinct) <= min(2, length - 1):
            words.append(f"{_axis(entry, axis)} = {' or '.join(map(str, distinct))}")
    return f"{count}, all at {', '.join(words)}" if words else count


def caption(entry: Any) -> str:
    """Return the words beside a map: what goes down and across.

    >>> from nnscratch.gradcheck.report import Entry
    >>> caption(Entry("x", "wrong", shape=(2, 3, 4, 4)))
    'H down, W across, the worst over N, C'
    """
    axes = [_axis(entry, axis) for axis in range(len(entry.shape))]
    if len(axes) < 2:
        return "across"
    others = f", the worst over {', '.join(axes[:-2])}" if len(axes) > 2 else ""
    return f"{axes[-2]} down, {axes[-1]} across{others}"


def shaded(image: np.ndarray) -> list[str]:
    """Return a map as lines of text, darker where the error is larger.

    >>> shaded(np.array([[0.0, 1.0]]))
    ['·█']
    """
    levels = np.ceil(image * (len(SHADES) - 1)).astype(int)
    return ["".join(SHADES[level] for level in row) for row in levels]


def _axis(entry, axis):
    return "NCHW"[axis] if len(entry.shape) == 4 and entry.name in ("x", "input x") else f"axis {axis}"


def _thin(image, most):
    if len(image) <= most:
        return image
    return np.stack([part.max(axis=0) for part in np.array_split(image, most)])
