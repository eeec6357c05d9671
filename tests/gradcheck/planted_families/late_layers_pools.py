"""More correct layers that pool, enlarge, pad or rearrange images and sequences."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.images import cropped, padded_by, tap


def pool_shape(x, kernel, stride):
    return (*x.shape[:2], *((n - kernel) // stride + 1 for n in x.shape[2:]))


def padded_max_pool_forward(x, kernel=3, stride=2, pad=1):
    """Max pooling of an image padded with minus infinity."""
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=-np.inf)
    shape = pool_shape(padded, kernel, stride)
    windows = np.stack([padded[tap(i, j, shape, stride)] for i, j in np.ndindex(kernel, kernel)])
    return windows.max(axis=0), (x, windows.argmax(axis=0), kernel, stride, pad)


def padded_max_pool_backward(dout, cache):
    x, winner, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for place, (i, j) in enumerate(np.ndindex(kernel, kernel)):
        dpadded[tap(i, j, dout.shape, stride)] += dout * (winner == place)
    return cropped(dpadded, pad, x)


def time_pool_forward(x, kernel=2, stride=3):
    """The largest of each `kernel` steps in time, x: (N, T, D)."""
    steps = (x.shape[1] - kernel) // stride + 1
    starts = range(0, steps * stride, stride)
    at = np.stack([start + x[:, start : start + kernel].argmax(axis=1) for start in starts], axis=1)
    return np.take_along_axis(x, at, axis=1), (x, at, stride)


def time_pool_backward(dout, cache):
    x, at, _ = cache
    dx = np.zeros_like(x)
    n, _, d = np.indices(at.shape, sparse=True)
    np.add.at(dx, (n, at, d), dout)
    return dx


def zero_average_pool_forward(x, kernel=3, stride=2, pad=1):
    """The mean of every window, the zeros of the padding counted."""
    padded = padded_by(x, pad)
    shape = pool_shape(padded, kernel, stride)
    total = sum(padded[tap(i, j, shape, stride)] for i, j in np.ndindex(kernel, kernel))
    return total / kernel**2, (x, kernel, stride, pad)


def zero_average_pool_backward(dout, cache):
    x, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] += dout / kernel**2
    return cropped(dpadded, pad, x)


def power_pool_forward(x, kernel=2, stride=2, p=3):
    """The p-norm of every window."""
    shape = pool_shape(x, kernel, stride)
    total = sum(abs(x[tap(i, j, shape, stride)]) ** p for i, j in np.ndindex(kernel, kernel))
    out = total ** (1 / p if x.dtype == np.float64 else x.dtype.type(1) / p)
    return out, (x, out, kernel, stride, p)


def power_pool_backward(dout, cache):
    x, out, kernel, stride, p = cache
    dx = np.zeros_like(x)
    share = np.divide(dout, out ** (p - 1), out=np.zeros_like(dout), where=out > 0)
    for i, j in np.ndindex(kernel, kernel):
        here = tap(i, j, dout.shape, stride)
        dx[here] += share * abs(x[here]) ** (p - 1) * np.sign(x[here])
    return dx


def soft_pool_forward(x, kernel=2, stride=1, r=3.0):
    """A smooth maximum of every window: log(mean(exp(r x))) / r."""
    shape = pool_shape(x, kernel, stride)
    windows = r * np.stack([x[tap(i, j, shape, stride)] for i, j in np.ndindex(kernel, kernel)])
    top = windows.max(axis=0)
    e = np.exp(windows - top)
    return (top + np.log(e.mean(axis=0))) / r, (x, e / e.sum(axis=0), kernel, stride)


def soft_pool_backward(dout, cache):
    x, weights, kernel, stride = cache
    dx = np.zeros_like(x)
    for weight, (i, j) in zip(weights, np.ndindex(kernel, kernel)):
        dx[tap(i, j, dout.shape, stride)] += dout * weight
    return dx


def bins_of(n, parts):
    """Where each of `parts` bins of n pixels begins and ends; neighbours may share a pixel."""
    return [(k * n // parts, -(-(k + 1) * n // parts)) for k in range(parts)]


def adaptive_pool_forward(x, size=(3, 2)):
    """The means of size[0] x size[1] bins, whatever the image's size."""
    bins = [bins_of(n, parts) for n, parts in zip(x.shape[2:], size)]
    rows = [np.stack([x[:, :, a:b, c:d].mean(axis=(2, 3)) for c, d in bins[1]], axis=2) for a, b in bins[0]]
    return np.stack(rows, axis=2), (x.shape, bins)


def adaptive_pool_backward(dout, cache):
    shape, bins = cache
    dx = np.zeros(shape)
    for i, (a, b) in enumerate(bins[0]):
        for j, (c, d) in enumerate(bins[1]):
            dx[:, :, a:b, c:d] += dout[:, :, i, j, None, None] / ((b - a) * (d - c))
    return dx


def global_max_pool_forward(x):
    rows = x.reshape(*x.shape[:2], -1)
    at = rows.argmax(axis=2)
    return rows.max(axis=2), (x, at)


def global_max_pool_backward(dout, cache):
    x, at = cache
    drows = np.zeros((*dout.shape, x.shape[2] * x.shape[3]))
    np.put_along_axis(drows, at[..., None], dout[..., None], axis=2)
    return drows.reshape(x.shape)


def mixed_pool_forward(x, share):
    """share * max + (1 - share) * mean of every 2x2 window; share: one number a channel."""
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H // 2, W // 2, 4)
    a = share[:, None, None]
    top, mean = windows.max(axis=4), windows.mean(axis=4)
    return a * top + (1 - a) * mean, (x, windows, top, mean, a)


def mixed_pool_backward(dout, cache):
    x, windows, top, mean, a = cache
    N, C, H, W = x.shape
    won = windows.argmax(axis=4)[..., None] == np.arange(4)
    dwindows = (dout * a)[..., None] * won + (dout * (1 - a))[..., None] / 4
    dx = dwindows.reshape(N, C, H // 2, W // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(x.shape)
    return dx, (dout * (top - mean)).sum(axis=(0, 2, 3))


def unpool_forward(x, places):
    """Put the pixels of x (N, C, H, W) where the pool of an image twice as large had found them (0 to 3)."""
    out = np.zeros((*x.shape[:2], x.shape[2], 2, x.shape[3], 2), x.dtype)
    for i, j in np.ndindex(2, 2):
        out[:, :, :, i, :, j] = x * (places == 2 * i + j)
    return out.reshape(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]), places


def unpool_backward(dout, places):
    N, C, H, W = places.shape
    parts = dout.reshape(N, C, H, 2, W, 2)
    return sum(parts[:, :, :, i, :, j] * (places == 2 * i + j) for i, j in np.ndindex(2, 2))


def draw_unpool(rng):
    return rng.normal(size=(2, 2, 2, 3)), rng.integers(0, 4, (2, 2, 2, 3))


def line_weights(new, old):
    """The matrix (new, old) that samples a line of `old` numbers at `new` places, linearly, ends on ends."""
    place = np.arange(new) * ((old - 1) / (new - 1))
    return np.maximum(1 - abs(place[:, None] - np.arange(old)), 0)


def bilinear_forward(x, height=5, width=7):
    rows, columns = line_weights(height, x.shape[2]), line_weights(width, x.shape[3])
    return np.einsum("ih,nchw,jw->ncij", rows, x, columns), (rows, columns)


def bilinear_backward(dout, cache):
    rows, columns = cache
    return np.einsum("ih,ncij,jw->nchw", rows, dout, columns)


def nearest_forward(x, height=5, width=3):
    """Copy the nearest pixel, some of them never and some twice."""
    rows, columns = np.arange(height) * x.shape[2] // height, np.arange(width) * x.shape[3] // width
    return x[:, :, rows[:, None], columns], (x.shape, rows, columns)


def nearest_backward(dout, cache):
    shape, rows, columns = cache
    dx = np.zeros(shape)
    np.add.at(dx, (slice(None), slice(None), rows[:, None], columns), dout)
    return dx


def pixel_shuffle_forward(x, r=2):
    """(N, C r r, H, W) to (N, C, H r, W r)."""
    N, C, H, W = x.shape
    parts = x.reshape(N, C // r**2, r, r, H, W)
    return parts.transpose(0, 1, 4, 2, 5, 3).reshape(N, C // r**2, H * r, W * r), (x.shape, r)


def pixel_shuffle_backward(dout, cache):
    (N, C, H, W), r = cache
    return dout.reshape(N, C // r**2, H, r, W, r).transpose(0, 1, 3, 5, 2, 4).reshape(N, C, H, W)


def channel_shuffle_forward(x, groups=2):
    N, C, H, W = x.shape
    return x.reshape(N, groups, C // groups, H, W).swapaxes(1, 2).reshape(x.shape), (x.shape, groups)


def channel_shuffle_backward(dout, cache):
    (N, C, H, W), groups = cache
    return dout.reshape(N, C // groups, groups, H, W).swapaxes(1, 2).reshape(N, C, H, W)


def reflect_pad_forward(x, pad=2):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="reflect"), (x.shape, pad)


def reflect_pad_backward(dout, cache):
    shape, pad = cache
    dx = dout.copy()
    for _ in range(2):
        inner = dx[:, :, pad : dx.shape[2] - pad].copy()
        for k in range(1, pad + 1):
            inner[:, :, k] += dx[:, :, pad - k]
            inner[:, :, -1 - k] += dx[:, :, dx.shape[2] - pad + k - 1]
        dx = inner.swapaxes(2, 3)
    return dx


def circular_pad_forward(x, pad=1):
    """x: (N, T, D); the end goes before the beginning and the beginning after the end."""
    return np.concatenate([x[:, -pad:], x, x[:, :pad]], axis=1), (x.shape, pad)


def circular_pad_backward(dout, cache):
    shape, pad = cache
    dx = dout[:, pad:-pad].copy()
    dx[:, -pad:] += dout[:, :pad]
    dx[:, :pad] += dout[:, -pad:]
    return dx


def place_forward(scores, rows, columns):
    """The mean place of each channel's softmax over the image: (N, C, 2)."""
    N, C, H, W = scores.shape
    flat = scores.reshape(N, C, -1)
    e = np.exp(flat - flat.max(axis=2, keepdims=True))
    weights = (e / e.sum(axis=2, keepdims=True)).reshape(scores.shape)
    y, x = (weights.sum(axis=3) * rows).sum(axis=2), (weights.sum(axis=2) * columns).sum(axis=2)
    return np.stack([y, x], axis=2), (weights, y, x, rows, columns)


def place_backward(dout, cache):
    weights, y, x, rows, columns = cache
    dy, dx = dout[:, :, 0], dout[:, :, 1]
    off = (rows[:, None] - y[..., None, None]) * dy[..., None, None]
    off = off + (columns - x[..., None, None]) * dx[..., None, None]
    drows, dcolumns = (weights.sum(axis=axis) * d[..., None] for axis, d in ((3, dy), (2, dx)))
    return weights * off, drows.sum(axis=(0, 1)), dcolumns.sum(axis=(0, 1))


def layer(name, family, forward, backward, inputs, **options):
    return Planted(name, family, forward, backward, inputs, options=options)


PADDED_MAX_POOL = layer("max pool, padded", "max pool", padded_max_pool_forward, padded_max_pool_backward,
                        normal((2, 2, 5, 6)))  # fmt: skip
TIME_POOL = layer("max pool in time with gaps", "max pool", time_pool_forward, time_pool_backward,
                  normal((2, 9, 3)))  # fmt: skip
TIME_POOL_OVERLAP = layer("max pool in time, overlapping", "max pool", time_pool_forward, time_pool_backward,
                          normal((3, 8, 2)), kernel=4, stride=2)  # fmt: skip
ZERO_AVERAGE_POOL = layer("average pool, zeros counted", "average pool", zero_average_pool_forward,
                          zero_average_pool_backward, normal((2, 2, 5, 5)))  # fmt: skip
POWER_POOL = layer("power pool", "power pool", power_pool_forward, power_pool_backward,
                   normal((2, 2, 4, 6)))  # fmt: skip
SOFT_POOL = layer("soft max pool", "soft pool", soft_pool_forward, soft_pool_backward,
                  normal((2, 2, 4, 4)))  # fmt: skip
ADAPTIVE_POOL = layer("adaptive average pool", "average pool", adaptive_pool_forward, adaptive_pool_backward,
                      normal((2, 2, 7, 5)))  # fmt: skip
GLOBAL_MAX_POOL = layer("global max pool", "max pool", global_max_pool_forward, global_max_pool_backward,
                        normal((3, 2, 3, 4)))  # fmt: skip
MIXED_POOL = layer("mixed max and average pool", "mixed pool", mixed_pool_forward, mixed_pool_backward,
                   normal((2, 3, 4, 4), (3,)))  # fmt: skip
UNPOOL = layer("max unpool", "max pool", unpool_forward, unpool_backward, draw_unpool)
BILINEAR = layer("bilinear upsample", "upsample", bilinear_forward, bilinear_backward,
                 normal((2, 2, 3, 4)))  # fmt: skip
BILINEAR_SQUARE = layer("bilinear resize, square", "upsample", bilinear_forward, bilinear_backward,
                        normal((2, 2, 4, 4)), height=6, width=4)  # fmt: skip
NEAREST = layer("nearest resize", "upsample", nearest_forward, nearest_backward, normal((2, 2, 4, 5)))
PIXEL_SHUFFLE = layer("pixel shuffle", "pixel shuffle", pixel_shuffle_forward, pixel_shuffle_backward,
                      normal((2, 8, 3, 3)))  # fmt: skip
CHANNEL_SHUFFLE = layer("channel shuffle", "channel shuffle", channel_shuffle_forward, channel_shuffle_backward,
                        normal((2, 6, 2, 3)))  # fmt: skip
REFLECT_PAD = layer("reflection padding", "padding", reflect_pad_forward, reflect_pad_backward,
                    normal((2, 2, 4, 5)))  # fmt: skip
CIRCULAR_PAD = layer("circular padding in time", "padding", circular_pad_forward, circular_pad_backward,
                     normal((2, 5, 3)))  # fmt: skip
PLACE = layer("mean place of a softmax", "spatial softmax", place_forward, place_backward,
              normal((2, 3, 3, 3), (3,), (3,)))  # fmt: skip

LATE_POOL_LAYERS = [PADDED_MAX_POOL, TIME_POOL, TIME_POOL_OVERLAP, ZERO_AVERAGE_POOL, POWER_POOL, SOFT_POOL,
                    ADAPTIVE_POOL, GLOBAL_MAX_POOL, MIXED_POOL, UNPOOL, BILINEAR, BILINEAR_SQUARE, NEAREST,
                    PIXEL_SHUFFLE, CHANNEL_SHUFFLE, REFLECT_PAD, CIRCULAR_PAD, PLACE]  # fmt: skip
