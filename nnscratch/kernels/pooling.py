"""Pools as numba loops: images lie channels last, and the innermost loop runs over the channels of a pixel."""

import numpy as np

from nnscratch.kernels import reference
from nnscratch.kernels.compiling import compiled
from nnscratch.kernels.memory import channels_first, channels_last, empty
from nnscratch.kernels.pool import share


def max_pool(x, window):
    """Twin of reference.max_pool."""
    if window.dilation != (1, 1):  # no layer asks for it
        return reference.max_pool(x, window)
    x = channels_last(x)
    shape = (len(x), *window.places(*x.shape[1:3]), x.shape[3])
    out, switches = empty(shape, x.dtype), empty(shape, np.int32)
    share(lambda start, stop: _max_pool(x[start:stop], window, out[start:stop], switches[start:stop]), len(x))
    return channels_first(out), channels_first(switches)


def window_max(x, window):
    """Twin of reference.window_max."""
    x = channels_last(x)
    out = empty((len(x), *window.places(*x.shape[1:3]), x.shape[3]), x.dtype)
    share(lambda start, stop: largest(x[start:stop], window, out[start:stop]), len(x))
    return channels_first(out)


def max_pool_backward(dout, switches, x_shape, window=None):
    """Twin of reference.max_pool_backward."""
    N, C, H, W = x_shape
    dout, switches, dx = channels_last(dout), channels_last(switches), empty((N, H, W, C), dout.dtype)
    share(lambda start, stop: _max_pool_backward(dout[start:stop], switches[start:stop], dx[start:stop]), N)
    return channels_first(dx)


def average_pool(x, window):
    """Twin of reference.average_pool."""
    if window.dilation != (1, 1):  # no layer asks for it
        return reference.average_pool(x, window)
    x = channels_last(x)
    out = empty((len(x), *window.places(*x.shape[1:3]), x.shape[3]), x.dtype)
    share(lambda start, stop: _average_pool(x[start:stop], window, out[start:stop]), len(x))
    return channels_first(out)


def average_pool_backward(dout, x, window):
    """Twin of reference.average_pool_backward."""
    if window.dilation != (1, 1):  # no layer asks for it
        return reference.average_pool_backward(dout, x, window)
    N, C, H, W = x.shape
    dout, dx = channels_last(dout), empty((N, H, W, C), dout.dtype)
    share(lambda start, stop: _average_pool_backward(dout[start:stop], window, dx[start:stop]), N)
    return channels_first(dx)


@compiled
def _pixels(o, kernel, stride, pad, size):
    """Return the first pixel, and the one past the last, of window `o` inside an image of `size` pixels."""
    start = o * stride - pad
    return max(start, 0), min(start + kernel, size)


@compiled
def _windows(pixel, kernel, stride, pad, count):
    """Return the first window, and the one past the last, that a pixel lies in."""
    return max((pixel + pad - kernel) // stride + 1, 0), min((pixel + pad) // stride + 1, count)


@compiled
def _larger(value, best):
    """Return the larger of two numbers; what is not a number counts as larger."""
    return value if (value > best) | (value != value) else best


@compiled
def largest(x, window, out):
    """Fill out (N, OH, OW, C) with the largest pixel of each window of x (N, H, W, C).

    First the largest of each column of a row of windows, in long loops; then the largest of a window's columns.
    Three at a time, as most windows are 3 wide; a smaller window takes its last row or column again.
    """
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    (KH, KW), (SH, SW), (PH, PW) = window.kernel, window.stride, window.pad
    columns = np.empty((W, C), x.dtype)
    line = columns.reshape(-1)
    for n in range(N):
        rows = x[n].reshape(H, W * C)
        for oh in range(OH):
            top, bottom = _pixels(oh, KH, SH, PH, H)
            first, second, third = rows[top], rows[min(top + 1, bottom - 1)], rows[min(top + 2, bottom - 1)]
            for i in range(W * C):
                line[i] = _larger(third[i], _larger(second[i], first[i]))
            for h in range(top + 3, bottom):
                for i in range(W * C):
                    line[i] = _larger(rows[h, i], line[i])
            for ow in range(OW):
                left, right = _pixels(ow, KW, SW, PW, W)
                best, first = out[n, oh, ow], columns[left]
                second, third = columns[min(left + 1, right - 1)], columns[min(left + 2, right - 1)]
                for c in range(C):
                    best[c] = _larger(third[c], _larger(second[c], first[c]))
                for w in range(left + 3, right):
                    for c in range(C):
                        best[c] = _larger(columns[w, c], best[c])


@compiled
def _wins(value, switch, best, before):
    """Whether a pixel beats the best one so far: by its value or, in a tie, by its place; the first NaN stays."""
    tie = (value == best) | ((value != value) & (best != best))
    return (value > best) | ((value != value) & (best == best)) | (tie & (switch < before))


@compiled
def _max_pool(x, window, out, switches):
    """The same as `largest`, with the place of each largest pixel."""
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    (KH, KW), (SH, SW), (PH, PW) = window.kernel, window.stride, window.pad
    columns, places = np.empty((W, C), x.dtype), np.empty((W, C), np.int32)
    line, place = columns.reshape(-1), places.reshape(-1)
    across = (np.arange(W * C) // C).astype(np.int32)
    for n in range(N):
        rows = x[n].reshape(H, W * C)
        for oh in range(OH):
            top, bottom = _pixels(oh, KH, SH, PH, H)
            for i in range(W * C):
                line[i], place[i] = rows[top, i], top * W + across[i]
            for h in range(top + 1, bottom, 2):
                below = min(h + 1, bottom - 1)
                for i in range(W * C):
                    best, switch = line[i], place[i]
                    for row in (h, below):
                        value = rows[row, i]
                        better = (not value <= best) & (best == best)
                        best = value if better else best
                        switch = np.int32(row * W + across[i]) if better else switch
                    line[i], place[i] = best, switch
            for ow in range(OW):
                left, right = _pixels(ow, KW, SW, PW, W)
                bests, winners = out[n, oh, ow], switches[n, oh, ow]
                for c in range(C):
                    bests[c], winners[c] = columns[left, c], places[left, c]
                for w in range(left + 1, right, 2):
                    beside = min(w + 1, right - 1)
                    for c in range(C):
                        best, switch = bests[c], winners[c]
                        for column in (w, beside):
                            value, here = columns[column, c], places[column, c]
                            better = _wins(value, here, best, switch)
                            best = value if better else best
                            switch = here if better else switch
                        bests[c], winners[c] = best, switch


@compiled
def _max_pool_backward(dout, switches, dx):
    N, OH, OW, C = dout.shape
    for n in range(N):
        image = dx[n].reshape(-1)
        image[:] = 0
        for oh in range(OH):
            for ow in range(OW):
                for c in range(C):
                    image[switches[n, oh, ow, c] * C + c] += dout[n, oh, ow, c]


@compiled
def _average_pool(x, window, out):
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    (KH, KW), (SH, SW), (PH, PW) = window.kernel, window.stride, window.pad
    for n in range(N):
        for oh in range(OH):
            top, bottom = _pixels(oh, KH, SH, PH, H)
            for ow in range(OW):
                left, right = _pixels(ow, KW, SW, PW, W)
                total = out[n, oh, ow]
                total[:] = 0
                for h in range(top, bottom):
                    for w in range(left, right):
                        total += x[n, h, w]
                total /= x.dtype.type((bottom - top) * (right - left))


@compiled
def _average_pool_backward(dout, window, dx):
    N, H, W, C = dx.shape
    OH, OW = dout.shape[1:3]
    (KH, KW), (SH, SW), (PH, PW) = window.kernel, window.stride, window.pad
    for n in range(N):
        for h in range(H):
            top, bottom = _windows(h, KH, SH, PH, OH)
            for w in range(W):
                left, right = _windows(w, KW, SW, PW, OW)
                total = dx[n, h, w]
                total[:] = 0
                for oh in range(top, bottom):
                    up, down = _pixels(oh, KH, SH, PH, H)
                    for ow in range(left, right):
                        first, last = _pixels(ow, KW, SW, PW, W)
                        total += dout[n, oh, ow] / dx.dtype.type((down - up) * (last - first))
