"""Convolution by im2col and BLAS, image by image: for CPUs on which the register tile cannot be compiled."""

import numpy as np

from nnscratch.kernels.compiling import compiled
from nnscratch.kernels.pool import share
from nnscratch.kernels.pooling import window_max


def im2col(x, window):
    """Twin of reference.im2col."""
    x = np.ascontiguousarray(x)
    OH, OW = window.places(*x.shape[2:])
    cols = np.empty((len(x), x.shape[1] * window.kernel[0] * window.kernel[1], OH * OW), x.dtype)
    share(lambda start, stop: _im2col(x[start:stop], window, OH, OW, cols[start:stop]), len(x))
    return cols


def col2im(cols, x_shape, window):
    """Twin of reference.col2im."""
    cols = np.ascontiguousarray(cols)
    OH, OW = window.places(*x_shape[2:])
    dx = np.zeros(x_shape, cols.dtype)
    share(lambda start, stop: _col2im(cols[start:stop], window, OH, OW, dx[start:stop]), len(dx))
    return dx


def conv(x, w, b, window, groups=1, least=-np.inf):
    """Twin of reference.conv: one image's columns at a time, so that they stay in the cache."""
    x = np.ascontiguousarray(x)
    N, C, F = len(x), x.shape[1], len(w)
    OH, OW = window.places(*x.shape[2:])
    filters = np.ascontiguousarray(w).reshape(groups, F // groups, -1)
    out = np.empty((N, groups, F // groups, OH * OW), np.result_type(x, w))

    def work(start, stop):
        cols = np.empty((1, C * window.kernel[0] * window.kernel[1], OH * OW), x.dtype)
        for n in range(start, stop):
            _im2col(x[n : n + 1], window, OH, OW, cols)
            np.matmul(filters, cols.reshape(groups, -1, OH * OW), out=out[n])

    share(work, N)
    out = out.reshape(N, F, OH, OW)
    if b is not None:
        out += b[:, None, None]
    return out if least == -np.inf else np.maximum(out, out.dtype.type(least), out=out)


def conv_pooled(x, w, b, window, groups, least, pool):
    """Twin of reference.conv_pooled: one pass after the other."""
    return window_max(conv(x, w, b, window, groups, least), pool)


def conv_input_gradient(dout, w, x_shape, window, groups=1):
    """Twin of reference.conv_input_gradient: one image's columns at a time."""
    N, F, OH, OW = dout.shape
    filters = np.ascontiguousarray(w.reshape(groups, F // groups, -1).swapaxes(1, 2))
    dout = dout.reshape(N, groups, F // groups, OH * OW)
    dx = np.zeros(x_shape, np.result_type(dout, w))

    def work(start, stop):
        cols = np.empty((groups, filters.shape[1], OH * OW), dx.dtype)
        for n in range(start, stop):
            np.matmul(filters, dout[n], out=cols)
            _col2im(cols.reshape(1, -1, OH * OW), window, OH, OW, dx[n : n + 1])

    share(work, N)
    return dx


def conv_weight_gradient(dout, x, w_shape, window, groups=1):
    """Twin of reference.conv_weight_gradient: one image's columns at a time, one sum per thread."""
    N, F, OH, OW = dout.shape
    x = np.ascontiguousarray(x)
    dout = np.ascontiguousarray(dout).reshape(N, groups, F // groups, OH * OW)
    taps = w_shape[1] * w_shape[2] * w_shape[3]

    def work(start, stop):
        total = np.zeros((groups, F // groups, taps), np.result_type(dout, x))
        cols = np.empty((1, groups * taps, OH * OW), x.dtype)
        for n in range(start, stop):
            _im2col(x[n : n + 1], window, OH, OW, cols)
            total += dout[n] @ cols.reshape(groups, taps, OH * OW).swapaxes(1, 2)
        return total

    return sum(share(work, N)).reshape(w_shape)


@compiled
def _inside(tap, stride, pad, dilation, size, count):
    """Return the first window, and the one past the last, whose pixel number `tap` lies inside the image."""
    offset = pad - tap * dilation
    first = max(0, -(-offset // stride))
    return min(first, count), max(min(count, (size - 1 + offset) // stride + 1), min(first, count))


@compiled
def _im2col(x, window, OH, OW, cols):
    N, C, H, W = x.shape
    (KH, KW), (SH, SW), (PH, PW), (DH, DW) = window.kernel, window.stride, window.pad, window.dilation
    for n in range(N):
        for c in range(C):
            for i in range(KH):
                top, bottom = _inside(i, SH, PH, DH, H, OH)
                for j in range(KW):
                    left, right = _inside(j, SW, PW, DW, W, OW)
                    row = cols[n, (c * KH + i) * KW + j]
                    row[: top * OW] = 0
                    row[bottom * OW :] = 0
                    for oh in range(top, bottom):
                        made = row[oh * OW : (oh + 1) * OW]
                        seen = x[n, c, oh * SH - PH + i * DH, j * DW - PW + left * SW :]
                        made[:left] = 0
                        made[right:] = 0
                        inside = made[left:right]
                        if SW == 1:  # a loop of its own, as it can be vectorised
                            for ow in range(len(inside)):
                                inside[ow] = seen[ow]
                        else:
                            for ow in range(len(inside)):
                                inside[ow] = seen[ow * SW]


@compiled
def _col2im(cols, window, OH, OW, dx):
    N, C, H, W = dx.shape
    (KH, KW), (SH, SW), (PH, PW), (DH, DW) = window.kernel, window.stride, window.pad, window.dilation
    for n in range(N):
        for c in range(C):
            for i in range(KH):
                top, bottom = _inside(i, SH, PH, DH, H, OH)
                for j in range(KW):
                    left, right = _inside(j, SW, PW, DW, W, OW)
                    k, start = (c * KH + i) * KW + j, j * DW - PW
                    for oh in range(top, bottom):
                        h = oh * SH - PH + i * DH
                        seen, row = dx[n, c, h, start + left * SW :], cols[n, k, oh * OW + left : oh * OW + right]
                        if SW == 1:  # a loop of its own, as it can be vectorised
                            for ow in range(len(row)):
                                seen[ow] += row[ow]
                        else:
                            for ow in range(len(row)):
                                seen[ow * SW] += row[ow]


def matmul(a, b):
    """Twin of reference.matmul: BLAS on the pool's threads, so that its own threads stay asleep."""
    out = np.empty((len(a), b.shape[1]), np.result_type(a, b))
    if out.shape[0] >= out.shape[1]:
        share(lambda start, stop: np.matmul(a[start:stop], b, out=out[start:stop]), len(a))
    else:
        share(lambda start, stop: np.matmul(a, b[:, start:stop], out=out[:, start:stop]), b.shape[1])
    return out
