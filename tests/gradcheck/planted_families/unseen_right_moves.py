"""Correct ways of moving numbers: sorting, gathering, running sums, windows of a row, padding and interleaving."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, away_from_zero, normal


def sort_forward(x):
    order = x.argsort(axis=1)
    return np.take_along_axis(x, order, axis=1), (x, order)


def sort_backward(dout, cache):
    x, order = cache
    dx = np.zeros_like(x)
    np.put_along_axis(dx, order, dout, axis=1)
    return dx


def largest_forward(x, k=3):
    """The k largest of each row, the largest first."""
    order = (-x).argsort(axis=1)[:, :k]
    return np.take_along_axis(x, order, axis=1), (x, order)


def largest_backward(dout, cache):
    x, order = cache
    dx = np.zeros_like(x)
    np.put_along_axis(dx, order, dout, axis=1)
    return dx


def gather_forward(x, index):
    """out[n, l] = x[n, index[n, l]]."""
    return np.take_along_axis(x, index, axis=1), (x, index)


def gather_backward(dout, cache):
    x, index = cache
    dx = np.zeros_like(x)
    np.add.at(dx, (np.arange(len(x))[:, None], index), dout)
    return dx


def segment_mean_forward(x, segment, count=3):
    """The mean of the rows of each segment."""
    size = np.bincount(segment, minlength=count)[:, None]
    total = np.zeros((count, x.shape[1]), x.dtype)
    np.add.at(total, segment, x)
    return total / size, (x, segment, size)


def segment_mean_backward(dout, cache):
    x, segment, size = cache
    return (dout / size)[segment]


def median_forward(x):
    """The median of an odd number of entries of each row."""
    middle = x.argsort(axis=1)[:, x.shape[1] // 2]
    return x[np.arange(len(x)), middle], (x, middle)


def median_backward(dout, cache):
    x, middle = cache
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), middle] = dout
    return dx


def running_product_forward(x):
    out = x.cumprod(axis=1)
    return out, (x, out)


def running_product_backward(dout, cache):
    x, _ = cache
    dx = np.zeros_like(x)
    for t in range(x.shape[1]):
        others = x.copy()
        others[:, t] = 1
        dx[:, t] = (dout * others.cumprod(axis=1))[:, t:].sum(axis=1)
    return dx


def sum_before_forward(x):
    """out[:, t] = the sum of x before t, without x[:, t]."""
    return x.cumsum(axis=1) - x, x


def sum_before_backward(dout, x):
    return dout[:, ::-1].cumsum(axis=1)[:, ::-1] - dout


def running_mean_forward(x):
    return x.cumsum(axis=1) / np.arange(1, x.shape[1] + 1), x


def running_mean_backward(dout, x):
    return (dout / np.arange(1, x.shape[1] + 1))[:, ::-1].cumsum(axis=1)[:, ::-1]


def running_max_forward(x):
    out = np.maximum.accumulate(x, axis=1)
    return out, (x, out)


def running_max_backward(dout, cache):
    x, out = cache
    dx, holder = np.zeros_like(x), np.zeros(len(x), int)
    for t in range(x.shape[1]):
        holder = np.where(x[:, t] == out[:, t], t, holder)
        dx[np.arange(len(x)), holder] += dout[:, t]
    return dx


def frames_forward(x, width=4, hop=2):
    """x (N, T) -> (N, F, width): frames that overlap."""
    starts = range(0, x.shape[1] - width + 1, hop)
    return np.stack([x[:, s : s + width] for s in starts], axis=1), (x, width, hop)


def frames_backward(dout, cache):
    x, width, hop = cache
    dx = np.zeros_like(x)
    for f in range(dout.shape[1]):
        dx[:, f * hop : f * hop + width] += dout[:, f]
    return dx


def moving_mean_forward(x, width=3, step=2):
    starts = range(0, x.shape[1] - width + 1, step)
    return np.stack([x[:, s : s + width].mean(axis=1) for s in starts], axis=1), (x, width, step)


def moving_mean_backward(dout, cache):
    x, width, step = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[1]):
        dx[:, i * step : i * step + width] += dout[:, i : i + 1] / width
    return dx


def far_differences_forward(x, far=3):
    """out[:, t] = x[:, t + far] - x[:, t]."""
    return x[:, far:] - x[:, :-far], (x, far)


def far_differences_backward(dout, cache):
    x, far = cache
    dx = np.zeros_like(x)
    dx[:, far:] += dout
    dx[:, :-far] -= dout
    return dx


def stretch_forward(x, times=3):
    """Each column several times in a row."""
    return np.repeat(x, times, axis=1), (x, times)


def stretch_backward(dout, cache):
    x, times = cache
    return dout.reshape(*x.shape, times).sum(axis=2)


def interleave_forward(a, b):
    out = np.empty((a.shape[0], 2 * a.shape[1]), a.dtype)
    out[:, ::2], out[:, 1::2] = a, b
    return out, None


def interleave_backward(dout, _):
    return dout[:, ::2].copy(), dout[:, 1::2].copy()


def slopes_forward(x):
    """Central differences, one-sided at both ends, as numpy.gradient has them."""
    out = np.empty_like(x)
    out[:, 1:-1] = (x[:, 2:] - x[:, :-2]) / 2
    out[:, 0], out[:, -1] = x[:, 1] - x[:, 0], x[:, -1] - x[:, -2]
    return out, x


def slopes_backward(dout, x):
    dx = np.zeros_like(x)
    dx[:, 2:] += dout[:, 1:-1] / 2
    dx[:, :-2] -= dout[:, 1:-1] / 2
    dx[:, 1] += dout[:, 0]
    dx[:, 0] -= dout[:, 0]
    dx[:, -1] += dout[:, -1]
    dx[:, -2] -= dout[:, -1]
    return dx


def smooth_forward(x):
    """(1, 2, 1) / 4 along each row, whose ends are repeated outside."""
    wide = np.pad(x, ((0, 0), (1, 1)), mode="edge")
    return (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]) / 4, x


def smooth_backward(dout, x):
    wide = np.zeros((x.shape[0], x.shape[1] + 2))
    wide[:, :-2] += dout / 4
    wide[:, 1:-1] += dout / 2
    wide[:, 2:] += dout / 4
    dx = wide[:, 1:-1].copy()
    dx[:, 0] += wide[:, 0]
    dx[:, -1] += wide[:, -1]
    return dx


def trapezoid_forward(y, t):
    """The area under the points (t[i], y[n, i])."""
    width = t[1:] - t[:-1]
    return ((y[:, 1:] + y[:, :-1]) / 2 * width).sum(axis=1), (y, t, width)


def trapezoid_backward(dout, cache):
    y, t, width = cache
    dy, dt = np.zeros_like(y), np.zeros_like(t)
    dy[:, 1:] += dout[:, None] * width / 2
    dy[:, :-1] += dout[:, None] * width / 2
    dwidth = (dout[:, None] * (y[:, 1:] + y[:, :-1]) / 2).sum(axis=0)
    dt[1:] += dwidth
    dt[:-1] -= dwidth
    return dy, dt


def mirror_forward(x, pad=2):
    """Reflect padding: the ends themselves are not repeated."""
    return np.pad(x, ((0, 0), (pad, pad)), mode="reflect"), (x, pad)


def mirror_backward(dout, cache):
    x, pad = cache
    dx = dout[:, pad:-pad].copy()
    dx[:, 1 : pad + 1] += dout[:, :pad][:, ::-1]
    dx[:, -pad - 1 : -1] += dout[:, -pad:][:, ::-1]
    return dx


def lags_forward(x):
    """Each row beside itself one step later, with a 0 in front: (N, 2 T)."""
    late = np.concatenate([np.zeros_like(x[:, :1]), x[:, :-1]], axis=1)
    return np.concatenate([x, late], axis=1), x


def lags_backward(dout, x):
    T = x.shape[1]
    dx = dout[:, :T].copy()
    dx[:, :-1] += dout[:, T + 1 :]
    return dx


def symmetric_forward(v, size=4):
    """Numbers (N, 10) fill the upper triangle of symmetric matrices (N, 4, 4)."""
    i, j = np.triu_indices(size)
    out = np.zeros((len(v), size, size), v.dtype)
    out[:, i, j] = v
    out[:, j, i] = v
    return out, (v, i, j)


def symmetric_backward(dout, cache):
    v, i, j = cache
    return dout[:, i, j] + dout[:, j, i] * (i != j)


def lookup_forward(x, table):
    """A function with given values at 0, 1, 2 ..., straight in between, at places x (N,)."""
    low = np.clip(np.floor(x).astype(int), 0, len(table) - 2)
    part = x - low
    return (1 - part) * table[low] + part * table[low + 1], (table, low, part)


def lookup_backward(dout, cache):
    table, low, part = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, low, dout * (1 - part))
    np.add.at(dtable, low + 1, dout * part)
    return dout * (table[low + 1] - table[low]), dtable


def shuffle_forward(x, groups=3):
    """Columns (N, 3 k) dealt out in turn: (groups, k) becomes (k, groups)."""
    return x.reshape(len(x), groups, -1).swapaxes(1, 2).reshape(x.shape), (x, groups)


def shuffle_backward(dout, cache):
    x, groups = cache
    return dout.reshape(len(x), -1, groups).swapaxes(1, 2).reshape(x.shape)


def draw_segments(rng):
    return rng.normal(size=(7, 3)), rng.permutation(7) % 3


SORT = Planted("sorted rows", "sort", sort_forward, sort_backward, normal((4, 6)))
LARGEST = Planted("largest of each row", "sort", largest_forward, largest_backward, normal((4, 6)))
GATHER = Planted(
    "gather",
    "gather",
    gather_forward,
    gather_backward,
    lambda rng: (rng.normal(size=(4, 5)), rng.integers(0, 4, (4, 6))),
)
SEGMENT_MEAN = Planted("mean of segments", "gather", segment_mean_forward, segment_mean_backward, draw_segments)
MEDIAN = Planted("median", "sort", median_forward, median_backward, normal((4, 7)))
RUNNING_PRODUCT = Planted(
    "cumulative product", "reduction", running_product_forward, running_product_backward, away_from_zero((3, 6))
)
SUM_BEFORE = Planted(
    "sum of what came before", "reduction", sum_before_forward, sum_before_backward, normal((3, 6))
)
RUNNING_MEAN = Planted("running mean", "reduction", running_mean_forward, running_mean_backward, normal((3, 6)))
RUNNING_MAX = Planted("running maximum", "max", running_max_forward, running_max_backward, normal((4, 7)))
FRAMES = Planted("frames of a signal", "windows", frames_forward, frames_backward, normal((2, 10)))
MOVING_MEAN = Planted("moving mean", "windows", moving_mean_forward, moving_mean_backward, normal((3, 9)))
FAR_DIFFERENCES = Planted(
    "differences over three steps", "windows", far_differences_forward, far_differences_backward, normal((3, 8))
)
STRETCH = Planted("stretched rows", "reshape", stretch_forward, stretch_backward, normal((3, 3)))
INTERLEAVE = Planted(
    "interleaved columns", "reshape", interleave_forward, interleave_backward, normal((3, 4), (3, 4))
)
SLOPES = Planted("slopes of rows", "windows", slopes_forward, slopes_backward, normal((3, 7)))
SMOOTH = Planted("smoothed rows", "windows", smooth_forward, smooth_backward, normal((3, 6)))
TRAPEZOID = Planted(
    "trapezoid rule",
    "windows",
    trapezoid_forward,
    trapezoid_backward,
    lambda rng: (rng.normal(size=(3, 6)), rng.uniform(0.2, 1, 6).cumsum()),
)
MIRROR = Planted("reflected ends", "windows", mirror_forward, mirror_backward, normal((3, 6)))
LAGS = Planted("rows beside their past", "windows", lags_forward, lags_backward, normal((3, 5)))
SYMMETRIC = Planted(
    "symmetric matrix of a triangle", "reshape", symmetric_forward, symmetric_backward, normal((2, 10))
)
LOOKUP = Planted(
    "lookup between values",
    "gather",
    lookup_forward,
    lookup_backward,
    lambda rng: (rng.uniform(0.02, 0.98, 7) + rng.integers(0, 4, 7), rng.normal(size=6)),
)
SHUFFLE = Planted("shuffled groups", "reshape", shuffle_forward, shuffle_backward, normal((2, 9)))

UNSEEN_RIGHT_MOVES = [SORT, LARGEST, GATHER, SEGMENT_MEAN, MEDIAN, RUNNING_PRODUCT, SUM_BEFORE, RUNNING_MEAN,
                      RUNNING_MAX, FRAMES, MOVING_MEAN, FAR_DIFFERENCES, STRETCH, INTERLEAVE, SLOPES, SMOOTH,
                      TRAPEZOID, MIRROR, LAGS, SYMMETRIC, LOOKUP, SHUFFLE]  # fmt: skip
