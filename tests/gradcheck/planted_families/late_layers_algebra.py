"""More correct algebra and array moves: windows, shifts, gathers, sorts, small matrices, means and recurrences."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, away_from_zero, normal


def windows_forward(x, size=3, step=2):
    """The windows of every row (N, T), side by side: (N, windows, size)."""
    count = (x.shape[1] - size) // step + 1
    place = step * np.arange(count)[:, None] + np.arange(size)
    return x[:, place], (x.shape, place, size, step)


def windows_backward(dout, cache):
    shape, place, size, step = cache
    dx = np.zeros(shape)
    for k in range(len(place)):
        dx[:, k * step : k * step + size] += dout[:, k]
    return dx


def moving_forward(x, size=3):
    """The mean of every `size` neighbours of a row, without padding."""
    return np.stack([x[:, k : k + size].mean(axis=1) for k in range(x.shape[1] - size + 1)], axis=1), (x, size)


def moving_backward(dout, cache):
    x, size = cache
    dx = np.zeros_like(x)
    for k in range(dout.shape[1]):
        dx[:, k : k + size] += dout[:, k : k + 1] / size
    return dx


def reflected_forward(x):
    """Rows (N, T) padded by their reflections, two on either side."""
    return np.concatenate([x[:, 2:0:-1], x, x[:, -2:-4:-1]], axis=1), x.shape


def reflected_backward(dout, shape):
    dx = dout[:, 2:-2].copy()
    dx[:, 2:0:-1] += dout[:, :2]
    dx[:, -2:-4:-1] += dout[:, -2:]
    return dx


def edge_padded_forward(x):
    """Rows (N, T) with their first and last number repeated twice."""
    return np.concatenate([x[:, :1], x[:, :1], x, x[:, -1:], x[:, -1:]], axis=1), x.shape


def edge_padded_backward(dout, shape):
    dx = dout[:, 2:-2].copy()
    dx[:, 0] += dout[:, :2].sum(axis=1)
    dx[:, -1] += dout[:, -2:].sum(axis=1)
    return dx


def second_difference_forward(x):
    return x[:, 2:] - 2 * x[:, 1:-1] + x[:, :-2], x.shape


def second_difference_backward(dout, shape):
    dx = np.zeros(shape)
    dx[:, 2:] += dout
    dx[:, 1:-1] -= 2 * dout
    dx[:, :-2] += dout
    return dx


def shift_product_forward(x, shift=1):
    """Every number times the one before it, round a circle."""
    before = np.roll(x, shift, axis=1)
    return x * before, (x, before, shift)


def shift_product_backward(dout, cache):
    x, before, shift = cache
    return dout * before + np.roll(dout * x, -shift, axis=1)


def gather_forward(x, rows):
    return x[rows] ** 2, (x, rows)


def gather_backward(dout, cache):
    x, rows = cache
    dx = np.zeros_like(x)
    np.add.at(dx, rows, 2 * dout * x[rows])
    return dx


def segments_forward(x, part):
    """Sums of the rows of x that share a part number, 4 parts."""
    out = np.zeros((4, x.shape[1]), x.dtype)
    np.add.at(out, part, x)
    return out, part


def segments_backward(dout, part):
    return dout[part]


def sorted_rows_forward(x):
    order = x.argsort(axis=1)
    return np.take_along_axis(x, order, axis=1), order


def sorted_rows_backward(dout, order):
    dx = np.zeros_like(dout)
    np.put_along_axis(dx, order, dout, axis=1)
    return dx


def weighted_mean_forward(x, s):
    """sum of s x over sum of s in every row; both (N, D)."""
    total = s.sum(axis=1, keepdims=True)
    out = (s * x).sum(axis=1, keepdims=True) / total
    return out, (x, s, total, out)


def weighted_mean_backward(dout, cache):
    x, s, total, out = cache
    return dout * s / total, dout * (x - out) / total


def deviation_forward(x, eps=1e-8):
    """The standard deviation of each column, divided by N - 1."""
    centred = x - x.mean(axis=0)
    out = np.sqrt((centred**2).sum(axis=0) / (len(x) - 1) + eps)
    return out, (centred, out)


def deviation_backward(dout, cache):
    centred, out = cache
    return dout * centred / (out * (len(centred) - 1))


def attention_pool_forward(x, q):
    """The rows of each example (N, T, D), weighed by softmax(x q)."""
    scores = x @ q
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    weight = e / e.sum(axis=1, keepdims=True)
    return (weight[:, :, None] * x).sum(axis=1), (x, q, weight)


def attention_pool_backward(dout, cache):
    x, q, weight = cache
    dweight = (dout[:, None] * x).sum(axis=2)
    dscores = weight * (dweight - (dweight * weight).sum(axis=1, keepdims=True))
    dx = dout[:, None] * weight[:, :, None] + dscores[:, :, None] * q
    return dx, (dscores[:, :, None] * x).sum(axis=(0, 1))


def polynomial_forward(x, c):
    """c[0] + c[1] x + c[2] x**2 + ...; x: (N, D), c: (K,)."""
    powers = x[..., None] ** np.arange(len(c))
    return powers @ c, (x, c, powers)


def polynomial_backward(dout, cache):
    x, c, powers = cache
    slope = powers[..., :-1] @ (c[1:] * np.arange(1, len(c)))
    return dout * slope, (dout[..., None] * powers).sum(axis=(0, 1))


def smooth_distance_forward(x, y, eps=1e-3):
    """sqrt(|x[n] - y[m]|**2 + eps)."""
    difference = x[:, None] - y
    out = np.sqrt((difference**2).sum(axis=2) + eps)
    return out, (difference, out)


def smooth_distance_backward(dout, cache):
    difference, out = cache
    d = (dout / out)[:, :, None] * difference
    return d.sum(axis=1), -d.sum(axis=0)


def magnitude_forward(re, im):
    out = np.sqrt(re**2 + im**2)
    return out, (re, im, out)


def magnitude_backward(dout, cache):
    re, im, out = cache
    return dout * re / out, dout * im / out


def blend_forward(a, b, t):
    """a + t (b - a); t: (D,)."""
    return a + t * (b - a), (a, b, t)


def blend_backward(dout, cache):
    a, b, t = cache
    return dout * (1 - t), dout * t, (dout * (b - a)).sum(axis=0)


def smoothing_forward(x, keep=0.6):
    """The exponential mean of every row: h[t] = keep h[t - 1] + (1 - keep) x[t]."""
    h = np.zeros_like(x)
    h[:, 0] = (1 - keep) * x[:, 0]
    for t in range(1, x.shape[1]):
        h[:, t] = keep * h[:, t - 1] + (1 - keep) * x[:, t]
    return h, keep


def smoothing_backward(dout, keep):
    dx, dh = np.zeros_like(dout), 0
    for t in reversed(range(dout.shape[1])):
        dh = keep * dh + dout[:, t]
        dx[:, t] = (1 - keep) * dh
    return dx


def determinant_forward(a):
    """Determinants of 2 x 2 matrices."""
    return a[:, 0, 0] * a[:, 1, 1] - a[:, 0, 1] * a[:, 1, 0], a


def determinant_backward(dout, a):
    cofactors = np.stack([a[:, 1, 1], -a[:, 1, 0], -a[:, 0, 1], a[:, 0, 0]], axis=1).reshape(a.shape)
    return dout[:, None, None] * cofactors


def small_inverse_forward(a):
    """Inverses of 2 x 2 matrices."""
    det = (a[:, 0, 0] * a[:, 1, 1] - a[:, 0, 1] * a[:, 1, 0])[:, None, None]
    out = np.stack([a[:, 1, 1], -a[:, 0, 1], -a[:, 1, 0], a[:, 0, 0]], axis=1).reshape(a.shape) / det
    return out, out


def small_inverse_backward(dout, out):
    t = out.swapaxes(1, 2)
    return -t @ dout @ t


def sandwich_forward(a, s):
    """a s a^T for every example; s need not be symmetric."""
    return a @ s @ a.swapaxes(1, 2), (a, s)


def sandwich_backward(dout, cache):
    a, s = cache
    t = a.swapaxes(1, 2)
    return dout @ a @ s.swapaxes(1, 2) + dout.swapaxes(1, 2) @ a @ s, t @ dout @ a


def interleave_forward(a, b):
    """Columns of a and b by turns."""
    return np.stack([a, b], axis=2).reshape(len(a), -1), a.shape


def interleave_backward(dout, shape):
    return dout[:, ::2], dout[:, 1::2]


def repeated_forward(x, times=3):
    """Every column `times` over, one after the other."""
    return np.repeat(x, times, axis=1), (x.shape, times)


def repeated_backward(dout, cache):
    shape, times = cache
    return dout.reshape(*shape, times).sum(axis=2)


def cube_norm_forward(x):
    """(sum of |x|**3)**(1/3) of every row."""
    out = (abs(x) ** 3).sum(axis=1) ** (1 / 3)
    return out, (x, out)


def cube_norm_backward(dout, cache):
    x, out = cache
    return (dout / out**2)[:, None] * x * abs(x)


def outer_sum_forward(a, b):
    """tanh(a[n] + b[m]) for all pairs of rows."""
    out = np.tanh(a[:, None] + b)
    return out, (a, b, out)


def outer_sum_backward(dout, cache):
    a, b, out = cache
    d = dout * (1 - out**2)
    return d.sum(axis=1), d.sum(axis=0)


def pair(name, family, stem, inputs, **more):
    return Planted(name, family, globals()[f"{stem}_forward"], globals()[f"{stem}_backward"], inputs, **more)


def draw_rows(rng):
    return rng.normal(size=(5, 3)), rng.integers(0, 4, 8)


def draw_parts(rng):
    return rng.normal(size=(7, 3)), rng.integers(0, 3, 7)


def draw_matrices(rng):
    return (0.4 * rng.normal(size=(4, 2, 2)) + 2 * np.eye(2),)


WINDOWS = pair("windows of rows", "reshape", "windows", normal((3, 9)))
MOVING = pair("moving mean", "reduction", "moving", normal((3, 8)))
REFLECTED = pair("reflected padding of rows", "reshape", "reflected", normal((3, 6)))
EDGE_PADDED = pair("repeated padding of rows", "reshape", "edge_padded", normal((3, 6)))
SECOND_DIFFERENCE = pair("second differences", "reshape", "second_difference", normal((3, 7)))
SHIFT_PRODUCT = pair("product with the neighbour", "product", "shift_product", normal((3, 6)))
GATHER = pair("gathered squares", "reshape", "gather", draw_rows)
SEGMENTS = pair("sums of segments", "reduction", "segments", draw_parts)
SORTED_ROWS = pair("sorted rows", "reshape", "sorted_rows", normal((4, 6)))
WEIGHTED_MEAN = pair(
    "weighted mean of rows", "reduction", "weighted_mean",
    lambda rng: (rng.normal(size=(4, 5)), rng.uniform(0.5, 2, (4, 5))),
)  # fmt: skip
DEVIATION = pair("deviation of columns", "reduction", "deviation", normal((5, 4)))
ATTENTION_POOL = pair("pooling by attention", "attention", "attention_pool", normal((3, 4, 4), (4,)))
POLYNOMIAL = pair("polynomial", "steep", "polynomial", normal((4, 3), (5,)))
SMOOTH_DISTANCE = pair("smooth distances", "norm", "smooth_distance", normal((4, 3), (4, 3)))
MAGNITUDE = pair("complex magnitude", "norm", "magnitude", away_from_zero((4, 4), (4, 4)))
BLEND = pair("blend of two arrays", "product", "blend", normal((5, 5), (5, 5), (5,)))
SMOOTHING = pair("exponential smoothing", "reduction", "smoothing", normal((3, 7)))
DETERMINANT = pair("small determinants", "matmul", "determinant", normal((5, 2, 2)))
SMALL_INVERSE = pair("small inverses", "matmul", "small_inverse", draw_matrices)
SANDWICH = pair("sandwich product", "matmul", "sandwich", normal((2, 3, 3), (2, 3, 3)))
INTERLEAVE = pair("columns by turns", "reshape", "interleave", normal((3, 4), (3, 4)))
REPEATED = pair("repeated columns", "reshape", "repeated", normal((3, 4)))
CUBE_NORM = pair("cubic norm of rows", "norm", "cube_norm", away_from_zero((4, 5)))
OUTER_SUM = pair("tanh of sums of pairs", "tanh", "outer_sum", normal((4, 3), (4, 3)))

LATE_LAYERS_ALGEBRA = [WINDOWS, MOVING, REFLECTED, EDGE_PADDED, SECOND_DIFFERENCE, SHIFT_PRODUCT, GATHER, SEGMENTS,
                       SORTED_ROWS, WEIGHTED_MEAN, DEVIATION, ATTENTION_POOL, POLYNOMIAL, SMOOTH_DISTANCE,
                       MAGNITUDE, BLEND, SMOOTHING, DETERMINANT, SMALL_INVERSE, SANDWICH, INTERLEAVE, REPEATED,
                       CUBE_NORM, OUTER_SUM]  # fmt: skip
