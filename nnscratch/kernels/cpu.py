"""The CPU twins: convolutions by register tile (or columns and BLAS), pools and channel sweeps as numba loops."""

import math
from types import ModuleType

import numpy as np

from nnscratch.kernels import columns
from nnscratch.kernels.compiling import compiled, sweeping
from nnscratch.kernels.microkernel import VECTOR_BYTES
from nnscratch.kernels.pool import share

convolution: ModuleType = columns
if VECTOR_BYTES:
    from nnscratch.kernels import direct

    convolution = direct

im2col, col2im = columns.im2col, columns.col2im
conv = convolution.conv
conv_input_gradient = convolution.conv_input_gradient
conv_weight_gradient = convolution.conv_weight_gradient


def matmul(a, b):
    """Twin of reference.matmul: BLAS on the pool's threads, so that its own threads stay asleep."""
    out = np.empty((len(a), b.shape[1]), np.result_type(a, b))
    if out.shape[0] >= out.shape[1]:
        share(lambda start, stop: np.matmul(a[start:stop], b, out=out[start:stop]), len(a))
    else:
        share(lambda start, stop: np.matmul(a, b[:, start:stop], out=out[:, start:stop]), b.shape[1])
    return out


def _planes(x):
    """View x (N, C, ...) as (N, C, P), P numbers in each plane."""
    return np.ascontiguousarray(x).reshape(*x.shape[:2], math.prod(x.shape[2:]))


def channel_moments(x):
    """Twin of reference.channel_moments."""
    C = x.shape[1]
    planes = _planes(x)
    mean, var = np.empty(C, x.dtype), np.empty(C, x.dtype)
    share(lambda start, stop: _channel_moments(planes, start, stop, mean, var), C)
    return mean, var


def channel_sums(x, y):
    """Twin of reference.channel_sums."""
    C = x.shape[1]
    planes, others = _planes(x), _planes(y)
    total, products = np.empty(C, x.dtype), np.empty(C, x.dtype)
    share(lambda start, stop: _channel_sums(planes, others, start, stop, total, products), C)
    return total, products


def channel_affine(x, scale, shift, centre):
    """Twin of reference.channel_affine."""
    planes = _planes(x)
    out = np.empty(planes.shape, x.dtype)
    share(lambda start, stop: _channel_affine(planes[start:stop], scale, shift, centre, out[start:stop]), len(x))
    return out.reshape(x.shape)


def channel_blend(x, a, y, b, c):
    """Twin of reference.channel_blend."""
    planes, others = _planes(x), _planes(y)
    out = np.empty(planes.shape, x.dtype)
    share(
        lambda start, stop: _channel_blend(planes[start:stop], a, others[start:stop], b, c, out[start:stop]),
        len(x),
    )
    return out.reshape(x.shape)


def max_pool(x, window):
    """Twin of reference.max_pool."""
    x = np.ascontiguousarray(x)
    shape = x.shape[:2] + window.places(*x.shape[2:])
    out, switches = np.empty(shape, x.dtype), np.empty(shape, np.int32)
    share(lambda start, stop: _max_pool(x[start:stop], window, out[start:stop], switches[start:stop]), len(x))
    return out, switches


def max_pool_backward(dout, switches, x_shape):
    """Twin of reference.max_pool_backward."""
    N, C, H, W = x_shape
    dout, switches = np.ascontiguousarray(dout), np.ascontiguousarray(switches, np.int32)
    dx = np.zeros((N, C, H * W), dout.dtype)
    share(lambda start, stop: _scatter(dout[start:stop], switches[start:stop], dx[start:stop]), N)
    return dx.reshape(x_shape)


def average_pool(x, window):
    """Twin of reference.average_pool."""
    x = np.ascontiguousarray(x)
    out = np.empty(x.shape[:2] + window.places(*x.shape[2:]), x.dtype)
    share(lambda start, stop: _average_pool(x[start:stop], window, out[start:stop]), len(x))
    return out


def average_pool_backward(dout, x, window):
    """Twin of reference.average_pool_backward."""
    dout = np.ascontiguousarray(dout)
    dx = np.zeros(x.shape, dout.dtype)
    share(lambda start, stop: _average_pool_backward(dout[start:stop], window, dx[start:stop]), len(dx))
    return dx


@compiled
def _edges(o, kernel, stride, pad, size):
    """Return the first pixel, and the one past the last, of window `o` inside an image of `size` pixels."""
    start = o * stride - pad
    return max(start, 0), min(start + kernel, size)


@compiled
def _max_pool(x, window, out, switches):
    """First the largest of each column over the rows of a window, then the largest of its columns."""
    N, C, H, W = x.shape
    OH, OW = out.shape[2:]
    (KH, KW), (SH, SW), (PH, PW) = window.kernel, window.stride, window.pad
    tallest, row_of = np.empty(W, x.dtype), np.empty(W, np.int32)
    for n in range(N):
        for c in range(C):
            for oh in range(OH):
                top, bottom = _edges(oh, KH, SH, PH, H)
                tallest[:], row_of[:] = x[n, c, top], top
                for h in range(top + 1, bottom):
                    line = x[n, c, h]
                    for w in range(W):
                        better = _beats(line[w], tallest[w])
                        tallest[w] = line[w] if better else tallest[w]
                        row_of[w] = h if better else row_of[w]
                for ow in range(OW):
                    left, right = _edges(ow, KW, SW, PW, W)
                    best, row, column = tallest[left], row_of[left], left
                    for w in range(left + 1, right):
                        value = tallest[w]
                        better = _beats(value, best) | ((row_of[w] < row) & ~_beats(best, value))
                        best = value if better else best
                        row = row_of[w] if better else row
                        column = w if better else column
                    out[n, c, oh, ow] = best
                    switches[n, c, oh, ow] = row * W + column


@compiled
def _beats(value, best):
    """Return whether a number wins over the best so far; the first not-a-number wins for good."""
    return (value > best) | ((value != value) & (best == best))


@compiled
def _scatter(dout, switches, dx):
    N, C, OH, OW = dout.shape
    for n in range(N):
        for c in range(C):
            for oh in range(OH):
                for ow in range(OW):
                    dx[n, c, switches[n, c, oh, ow]] += dout[n, c, oh, ow]


@compiled
def _average_pool(x, window, out):
    N, C, H, W = x.shape
    OH, OW = out.shape[2:]
    (KH, KW), (SH, SW), (PH, PW) = window.kernel, window.stride, window.pad
    for n in range(N):
        for c in range(C):
            for oh in range(OH):
                top, bottom = _edges(oh, KH, SH, PH, H)
                for ow in range(OW):
                    left, right = _edges(ow, KW, SW, PW, W)
                    total = x.dtype.type(0)
                    for h in range(top, bottom):
                        for w in range(left, right):
                            total += x[n, c, h, w]
                    out[n, c, oh, ow] = total / x.dtype.type((bottom - top) * (right - left))


@compiled
def _average_pool_backward(dout, window, dx):
    N, C, H, W = dx.shape
    OH, OW = dout.shape[2:]
    (KH, KW), (SH, SW), (PH, PW) = window.kernel, window.stride, window.pad
    for n in range(N):
        for c in range(C):
            for oh in range(OH):
                top, bottom = _edges(oh, KH, SH, PH, H)
                for ow in range(OW):
                    left, right = _edges(ow, KW, SW, PW, W)
                    part = dout[n, c, oh, ow] / dx.dtype.type((bottom - top) * (right - left))
                    for h in range(top, bottom):
                        for w in range(left, right):
                            dx[n, c, h, w] += part


@sweeping
def _channel_moments(x, start, stop, mean, var):
    N, _, P = x.shape
    for c in range(start, stop):
        total = 0.0
        for n in range(N):
            part = x.dtype.type(0)
            for value in x[n, c]:
                part += value
            total += part
        centre = x.dtype.type(total / (N * P))
        squares = 0.0
        for n in range(N):
            part = x.dtype.type(0)
            for value in x[n, c]:
                part += (value - centre) * (value - centre)
            squares += part
        mean[c], var[c] = centre, squares / (N * P)


@sweeping
def _channel_sums(x, y, start, stop, total, products):
    for c in range(start, stop):
        sum_x = sum_xy = 0.0
        for n in range(len(x)):
            part_x, part_xy = x.dtype.type(0), x.dtype.type(0)
            for i in range(x.shape[2]):
                part_x += x[n, c, i]
                part_xy += x[n, c, i] * y[n, c, i]
            sum_x += part_x
            sum_xy += part_xy
        total[c], products[c] = sum_x, sum_xy


@sweeping
def _channel_affine(x, scale, shift, centre, out):
    for n in range(len(x)):
        for c in range(x.shape[1]):
            for i in range(x.shape[2]):
                out[n, c, i] = (x[n, c, i] - centre[c]) * scale[c] + shift[c]


@sweeping
def _channel_blend(x, a, y, b, c, out):
    for n in range(len(x)):
        for k in range(x.shape[1]):
            for i in range(x.shape[2]):
                out[n, k, i] = a[k] * x[n, k, i] + b[k] * y[n, k, i] + c[k]
