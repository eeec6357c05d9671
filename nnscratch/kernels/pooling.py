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
    share(lambda start, stop: _window_max(x[start:stop], window, out[start:stop]), len(x))
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
def _max_pool(x, window, out, switches):
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    (KH, KW), (SH, SW), (PH, PW) = window.kernel, window.stride, window.pad
    for n in range(N):
        for oh in range(OH):
            top, bottom = _pixels(oh, KH, SH, PH, H)
            for ow in range(OW):
                left, right = _pixels(ow, KW, SW, PW, W)
                best, switch = out[n, oh, ow], switches[n, oh, ow]
                for c in range(C):
                    best[c], switch[c] = x[n, top, left, c], top * W + left
                for h in range(top, bottom):
                    for w in range(left, right):
                        here = np.int32(h * W + w)
                        for c in range(C):
                            value, before = x[n, h, w, c], best[c]
                            better = (not value <= before) & (before == before)  # the first not-a-number stays
                            best[c] = value if better else before
                            switch[c] = here if better else switch[c]


@compiled
def _window_max(x, window, out):
    N, H, W, C = x.shape
    OH, OW = out.shape[1:3]
    (KH, KW), (SH, SW), (PH, PW) = window.kernel, window.stride, window.pad
    for n in range(N):
        for oh in range(OH):
            top, bottom = _pixels(oh, KH, SH, PH, H)
            for ow in range(OW):
                left, right = _pixels(ow, KW, SW, PW, W)
                for c in range(C):
                    out[n, oh, ow, c] = x[n, top, left, c]
                for h in range(top, bottom):
                    for w in range(left, right):
                        for c in range(C):
                            value, best = x[n, h, w, c], out[n, oh, ow, c]
                            out[n, oh, ow, c] = value if (value > best) | (value != value) else best


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
