"""The CPU twins: convolutions, pools and matrix products from their own files, and sweeps over channels."""

import math
from types import ModuleType

import numpy as np

from nnscratch.arrays import rng
from nnscratch.kernels import columns, pooling, sweeps
from nnscratch.kernels.compiling import compiled, sweeping
from nnscratch.kernels.memory import channels_first, channels_last, empty, empty_like, flat
from nnscratch.kernels.microkernel import VECTOR_BYTES
from nnscratch.kernels.pool import share
from nnscratch.kernels.reference import check_window

convolution: ModuleType = columns
products: ModuleType = columns
if VECTOR_BYTES:
    from nnscratch.kernels import direct, products

    convolution = direct

im2col, col2im = columns.im2col, columns.col2im
matmul = products.matmul
sweep = sweeps.sweep
conv = convolution.conv
conv_input_gradient = convolution.conv_input_gradient
conv_weight_gradient = convolution.conv_weight_gradient
max_pool, window_max, max_pool_backward = pooling.max_pool, pooling.window_max, pooling.max_pool_backward
average_pool, average_pool_backward = pooling.average_pool, pooling.average_pool_backward


def relu(x):
    """Twin of reference.relu."""
    out = empty_like(x)
    return _flat_sweep(lambda out, x: np.maximum(x, 0, out=out), out, x)


def relu_backward(dout, x):
    """Twin of reference.relu_backward."""
    return _flat_sweep(_relu_backward, empty_like(x), dout, x)


def _flat_sweep(work, out, *arrays):
    """Let `work` fill `out` from arrays of its shape, all flat, in the order of out's memory."""
    rows = [flat(array, out) for array in (out, *arrays)]
    if out.size < sweeps.SMALL:
        work(*rows)
    else:
        share(lambda start, stop: work(*(row[start:stop] for row in rows)), out.size)
    return out


@compiled
def _relu_backward(dx, dout, x):
    for i in range(len(dx)):
        dx[i] = dout[i] if x[i] > 0 else dx.dtype.type(0)


def dropout_mask(x, shape, drop, key):
    """Twin of reference.dropout_mask: each thread draws its share of the same stream of random numbers."""
    mask, scale = empty((math.prod(shape),), x.dtype), x.dtype.type(1 / (1 - drop))

    def work(start, stop):
        generator = rng(*key)
        generator.bit_generator.advance(start)  # one draw of 64 bits makes two numbers
        uniform = generator.random(2 * (stop - start), dtype="float32")[: len(mask) - 2 * start]
        np.multiply(uniform >= drop, scale, out=mask[2 * start : 2 * stop])

    share(work, -(-len(mask) // 2))
    return mask.reshape(shape)


def channel_window_sum(x, size):
    """Twin of reference.channel_window_sum."""
    check_window(size)
    x = channels_last(x)
    rows, out = _rows_of(x), empty(x.shape, x.dtype)
    made = _rows_of(out)
    share(lambda start, stop: _window_sum(rows[start:stop], size // 2, made[start:stop]), len(rows))
    return channels_first(out)


@sweeping
def _window_sum(x, reach, out):
    M, C = x.shape
    for m in range(M):
        for c in range(C):
            out[m, c] = x[m, c]
        for shift in range(1, min(reach, C - 1) + 1):
            for c in range(shift, C):
                out[m, c] += x[m, c - shift]
            for c in range(C - shift):
                out[m, c] += x[m, c + shift]


def channel_moments(x):
    """Twin of reference.channel_moments."""
    rows = _rows(x)
    parts = share(lambda start, stop: _moments(rows[start:stop]), len(rows))
    mean, squares, count = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), 0
    for part_mean, part_squares, part_count in parts:
        mean, squares, count = _joined(mean, squares, count, part_mean, part_squares, part_count)
    return mean.astype(x.dtype), (squares / count).astype(x.dtype)


def channel_sum(x):
    """Twin of reference.channel_sum."""
    rows = _rows(x)
    return sum(share(lambda start, stop: _sum(rows[start:stop]), len(rows))).astype(x.dtype)


def channel_sums(x, y, centre, gate=None):
    """Twin of reference.channel_sums."""
    rows, others = _rows(x), _rows(y)
    parts = share(lambda start, stop: _sums(rows[start:stop], others[start:stop], centre, gate), len(rows))
    return tuple(sum(part).astype(x.dtype) for part in zip(*parts))


def channel_affine(x, scale, shift, centre, least=-np.inf):
    """Twin of reference.channel_affine."""
    x = channels_last(x)
    rows, out = _rows_of(x), empty(x.shape, x.dtype)
    made = _rows_of(out)
    least = x.dtype.type(least)
    share(lambda start, stop: _affine(rows[start:stop], scale, shift, centre, made[start:stop], least), len(rows))
    return channels_first(out)


def channel_blend(x, a, y, b, c, centre, gate=None):
    """Twin of reference.channel_blend."""
    x = channels_last(x)
    rows, others, out = _rows_of(x), _rows(y), empty(x.shape, x.dtype)
    made = _rows_of(out)
    share(
        lambda start, stop: _blend(rows[start:stop], a, others[start:stop], b, c, centre, gate, made[start:stop]),
        len(rows),
    )
    return channels_first(out)


def _rows(x):
    """View x (N, C, ...) as a table with a column for each channel."""
    return _rows_of(channels_last(x))


def _rows_of(x):
    return x.reshape(-1, x.shape[-1])


@compiled
def _joined(mean, squares, count, part_mean, part_squares, part_count):
    """Join the means and the sums of squared deviations of two samples (Chan, Golub & LeVeque 1983, eq. 2.1)."""
    both = count + part_count
    apart = part_mean - mean
    squares = squares + part_squares + apart * apart * (count * part_count / both)
    return mean + apart * (part_count / both), squares, both


@sweeping
def _moments(rows):
    """Take a block that fits into the cache at a time: its mean, then its squared deviations from there.

    The mean is rounded; the deviations' own mean says by how much.
    """
    M, C = rows.shape
    mean, squares, count = np.zeros(C), np.zeros(C), 0
    block = max(1, 4096 // C)
    centre, total, apart = np.empty(C, rows.dtype), np.empty(C, rows.dtype), np.empty(C, rows.dtype)
    for begin in range(0, M, block):
        end = min(begin + block, M)
        total[:] = 0
        for m in range(begin, end):
            for c in range(C):
                total[c] += rows[m, c]
        for c in range(C):
            centre[c] = total[c] / (end - begin)
        total[:], apart[:] = 0, 0
        for m in range(begin, end):
            for c in range(C):
                deviation = rows[m, c] - centre[c]
                apart[c] += deviation
                total[c] += deviation * deviation
        rounded = apart.astype(np.float64) / (end - begin)
        part_mean, part_squares = centre + rounded, total - rounded * rounded * (end - begin)
        mean, squares, count = _joined(mean, squares, count, part_mean, part_squares, end - begin)
    return mean, squares, count


@sweeping
def _sum(x):
    M, C = x.shape
    total, part, block = np.zeros(C), np.empty(C, x.dtype), max(1, 4096 // C)
    for begin in range(0, M, block):
        part[:] = 0
        for m in range(begin, min(begin + block, M)):
            for c in range(C):
                part[c] += x[m, c]
        total += part
    return total


@sweeping
def _sums(x, y, centre, gate):
    M, C = x.shape
    total, products = np.zeros(C), np.zeros(C)
    block = max(1, 4096 // C)
    part, part_products = np.empty(C, x.dtype), np.empty(C, x.dtype)
    for begin in range(0, M, block):
        part[:], part_products[:] = 0, 0
        for m in range(begin, min(begin + block, M)):
            for c in range(C):
                value, apart = x[m, c], y[m, c] - centre[c]
                if gate is not None:
                    value = value if apart * gate[0][c] + gate[1][c] > 0 else x.dtype.type(0)
                part[c] += value
                part_products[c] += value * apart
        total += part
        products += part_products
    return total, products


@sweeping
def _affine(x, scale, shift, centre, out, least):
    for m in range(len(x)):
        for c in range(x.shape[1]):
            value = (x[m, c] - centre[c]) * scale[c] + shift[c]
            out[m, c] = least if value < least else value


@sweeping
def _blend(x, a, y, b, c, centre, gate, out):
    for m in range(len(x)):
        for k in range(x.shape[1]):
            value, apart = x[m, k], y[m, k] - centre[k]
            if gate is not None:
                value = value if apart * gate[0][k] + gate[1][k] > 0 else x.dtype.type(0)
            out[m, k] = a[k] * value + b[k] * apart + c[k]
