"""Derivatives by differences: what every backward pass is compared with."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnscratch import arrays

ROUNDING = 10 * np.finfo(np.float64).eps


class NumericError(ValueError):
    """A derivative cannot be measured: the array or the upstream gradient does not suit."""


class Slope(NamedTuple):
    """One measured derivative of sum(df * f).

    `value` is the central difference. `low` and `high` enclose every mixture of the two one-sided differences,
    chosen anew for each output: at a kink any value between them is a right gradient. `noise` is how far
    round-off may have moved the value: ten units in the last place of every output that moved
    (of all where none did), at random.
    """

    value: float
    low: float
    high: float
    noise: float


def slope(
    f: Callable, x: np.ndarray, index: Any, df: Any, h: float, direction: Any = 1.0, middle: Any = None
) -> Slope:
    """Measure the derivative of sum(df * f(x)) as x[index] moves by h both ways along `direction`.

    f: function of x that returns an array or a scalar. x: float64 array, moved in place and restored exactly.
    df: shaped like f(x). `index` is an element, or `...` to move all of x along an array `direction`.
    `middle` is f(x) where it is known.

    >>> x = np.array([1.0, 0.0])
    >>> slope(np.square, x, (0,), np.array([3.0, 3.0]), h=2.0**-10).value
    6.0
    >>> kink = slope(np.abs, x, (1,), np.array([1.0, 1.0]), h=2.0**-10)
    >>> kink.low, kink.high
    (-1.0, 1.0)
    """
    middle = np.array(f(x), dtype=np.float64) if middle is None else middle
    old = np.copy(x[index])
    try:
        x[index] = old + h * direction
        plus = np.array(f(x), dtype=np.float64)
        x[index] = old - h * direction
        minus = np.array(f(x), dtype=np.float64)
    finally:
        x[index] = old
    with np.errstate(all="ignore"):
        moved = plus != minus
        rounded = np.where(moved if moved.any() else True, df * middle, 0.0)
        left, right = df * (middle - minus) / h, df * (plus - middle) / h
        return Slope(
            value=float(np.sum(df * (plus - minus))) / (2 * h),
            low=float(np.sum(np.minimum(left, right))),
            high=float(np.sum(np.maximum(left, right))),
            noise=ROUNDING * float(np.linalg.norm(rounded)) / h,
        )


def numerical_gradient(
    f: Callable, x: np.ndarray, df: Any = None, h: float = 1e-5, sample: int | None = None, rng: Any = None
) -> Any:
    """Return the gradient of sum(df * f(x)) with respect to x by central differences.

    f: function of x that returns an array or a scalar. x: float64 array of any shape; each element is moved
    by h both ways, in place, and restored exactly. df: the upstream gradient, shaped like f(x), or None for ones.

    Returns an array shaped like x. With `sample`, only that many elements drawn with `rng` are measured (all of
    them where x has fewer), and the answer is `(values, indexes)`, where `x[indexes]` are those elements.

    Raises NumericError when x is not a float64 array or df is not shaped like f(x).
    Source: CS231n course notes, "Neural networks part 3", gradient checks.

    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> numerical_gradient(lambda x: (x**2).sum(), x).round(6)
    array([[2., 4.],
           [6., 8.]])
    >>> values, indexes = numerical_gradient(np.exp, x, df=x, sample=2)
    >>> bool(np.allclose(values, (x * np.exp(x))[indexes]))
    True
    """
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        found = f"{x.dtype} array" if isinstance(x, np.ndarray) else type(x).__name__
        raise NumericError(
            f"numerical_gradient: x must be a float64 array, got {found}: give x.astype(numpy.float64), "
            "because in lower precision round-off drowns the differences"
        )
    out_shape = np.shape(f(x))
    if df is not None and np.shape(df) != out_shape:
        raise NumericError(
            f"numerical_gradient: df has shape {np.shape(df)} but f(x) has {out_shape}: "
            "give one upstream value for each output"
        )
    upstream = np.ones(out_shape) if df is None else np.asarray(df)
    flat = pick(x.size, x.size if sample is None else sample, generator(rng))
    values = np.array([_central(f, x, np.unravel_index(k, x.shape), upstream, h) for k in flat])
    return values.reshape(x.shape) if sample is None else (values, unravel(flat, x.shape))


def _central(f, x, index, df, h):
    old = x[index].copy()
    try:
        x[index] = high = old + h
        plus = np.array(f(x), dtype=np.float64)
        x[index] = low = old - h
        minus = np.array(f(x), dtype=np.float64)
    finally:
        x[index] = old
    return np.sum(df * (plus - minus)) / (high - low)


def pick(size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` of the flat positions 0 .. size - 1, drawn without repetition, in order; all if it has fewer.

    >>> pick(3, 10, arrays.rng(0))
    array([0, 1, 2])
    """
    return np.arange(size) if count >= size else np.sort(rng.choice(size, count, replace=False))


def unravel(flat: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Return the index arrays of flat positions, so that `x[unravel(flat, x.shape)]` are those elements.

    >>> [axis.tolist() for axis in unravel(np.array([0, 5]), (2, 3))]
    [[0, 1], [0, 2]]
    """
    return np.unravel_index(flat, shape) if shape else ()


def generator(rng: Any) -> np.random.Generator:
    """Return a Generator from a Generator, a whole number, or None for the default seed.

    >>> generator(3).random() == generator(3).random()
    True
    """
    return arrays.rng() if rng is None else arrays.rng(rng)
