"""Pooling: one number for every window of the image, its largest or its mean."""

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import array_module
from nnscratch.layers.base import Layer
from nnscratch.shapes import ShapeError, Window, check_dout, match_axes


def max_pool_forward(x, kernel=2, stride=None, pad=0, ceil=False):
    """Return the largest pixel of every window, and remember where it was (the switches).

    x: (N, C, H, W). `kernel`, `stride` (default: the kernel) and `pad` are pixels, a number or a pair; windows
    may overlap. With `ceil`, a last window may hang over the far edge. Returns out (N, C, OH, OW) and the cache.
    Source: Ranzato et al. 2007, sec. 3; switches: Zeiler & Fergus 2014, sec. 2.1. Raises ShapeError.

    >>> out, cache = max_pool_forward(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> out[0, 0], max_pool_backward(np.ones_like(out), cache)[0, 0, 1]
    (array([[ 5.,  7.],
           [13., 15.]]), array([0., 1., 0., 1.]))
    """
    window = _window("max_pool", x, kernel, stride, pad, ceil)
    out, switches = kernels.max_pool(x, window)
    return out, (x.shape, switches, window)


def max_pool_backward(dout, cache):
    """dx: every dout goes to the pixel that won its window; a pixel that won several windows gets the sum."""
    x_shape, switches, window = cache
    check_dout("max_pool", dout, switches.shape)
    return kernels.max_pool_backward(dout, switches, x_shape, window)


def max_pool_naive_forward(x, kernel=2, stride=None, pad=0, ceil=False):
    """The definition of max_pool_forward as loops, for reading; same arguments.

    >>> max_pool_naive_forward(np.arange(16.0).reshape(1, 1, 4, 4))[0][0, 0, 0]
    array([5., 7.])
    """
    window = _window("max_pool", x, kernel, stride, pad, ceil)
    N, C, H, W = x.shape
    OH, OW = window.places(H, W)
    out = np.zeros((N, C, OH, OW), x.dtype)
    for n in range(N):
        for c in range(C):
            for i in range(OH):
                for j in range(OW):
                    rows, columns = _place(window, i, j)
                    out[n, c, i, j] = x[n, c, rows, columns].max()
    return out, (x, window)


def max_pool_naive_backward(dout, cache):
    """The definition of max_pool_backward as loops: find the winner of each window again and add dout to it.

    >>> out, cache = max_pool_naive_forward(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> max_pool_naive_backward(np.ones_like(out), cache)[0, 0, 1]
    array([0., 1., 0., 1.])
    """
    x, window = cache
    dx = np.zeros_like(x)
    N, C, OH, OW = dout.shape
    for n in range(N):
        for c in range(C):
            for i in range(OH):
                for j in range(OW):
                    rows, columns = _place(window, i, j)
                    seen = x[n, c, rows, columns]
                    winner = np.unravel_index(seen.argmax(), seen.shape)
                    dx[n, c, rows, columns][winner] += dout[n, c, i, j]
    return dx


def _place(window, i, j):
    """Return the slices of the image that window (i, j) covers."""
    top, left = i * window.stride[0] - window.pad[0], j * window.stride[1] - window.pad[1]
    rows = slice(max(top, 0), top + window.kernel[0])
    return rows, slice(max(left, 0), left + window.kernel[1])


def average_pool_forward(x, kernel=2, stride=None, pad=0, ceil=False):
    """Return the mean of every window's pixels inside the image; the arguments are those of max_pool_forward.

    x: (N, C, H, W). Returns out (N, C, OH, OW) and the cache. Raises ShapeError.
    Source: LeCun et al. 1998, sec. II.

    >>> out, cache = average_pool_forward(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> out[0, 0], average_pool_backward(np.ones_like(out), cache)[0, 0, 1]
    (array([[ 2.5,  4.5],
           [10.5, 12.5]]), array([0.25, 0.25, 0.25, 0.25]))
    """
    window = _window("average_pool", x, kernel, stride, pad, ceil)
    return kernels.average_pool(x, window), (x, window)


def average_pool_backward(dout, cache):
    """dx: every dout (N, C, OH, OW) is shared out evenly over its window's pixels."""
    x, window = cache
    check_dout("average_pool", dout, (*x.shape[:2], *window.places(*x.shape[2:])))
    return kernels.average_pool_backward(dout, x, window)


def global_average_pool_forward(x):
    """out[n, c] = the mean over the whole image: x (N, C, H, W) -> (N, C). Source: Lin et al. 2014, sec. 3.2.

    >>> out, cache = global_average_pool_forward(np.arange(4.0).reshape(1, 1, 2, 2))
    >>> out, global_average_pool_backward(np.ones((1, 1)), cache)[0, 0, 0]
    (array([[1.5]]), array([0.25, 0.25]))
    """
    match_axes("global_average_pool", x=(x, "N C H W"))
    return x.mean(axis=(2, 3)), x.shape


def global_average_pool_backward(dout, x_shape):
    """dx: each pixel gets dout (N, C) divided by the number of pixels."""
    check_dout("global_average_pool", dout, x_shape[:2])
    share = dout[:, :, None, None] / (x_shape[2] * x_shape[3])
    return array_module(dout).broadcast_to(share, x_shape).copy()


def _window(operation, x, kernel, stride, pad, ceil):
    match_axes(operation, x=(x, "N C H W"))
    return _checked_window(operation, kernel, stride, pad, ceil)


def _checked_window(operation, kernel, stride, pad, ceil):
    window = Window.of(kernel, kernel if stride is None else stride, pad, ceil=ceil)
    if any(p >= k for p, k in zip(window.pad, window.kernel)):
        raise ShapeError(
            f"{operation}: with pad {window.pad} a window of {window.kernel} may hold no pixel: "
            "pad by less than the kernel"
        )
    return window


class _Pool(Layer):
    """What the two windowed pools share: their window."""

    def __init__(self, kernel=2, stride=None, pad=0, ceil=False):
        super().__init__()
        self.kernel, self.stride, self.pad, self.ceil = kernel, stride, pad, ceil


class MaxPool(_Pool):
    """The largest pixel of every window; windows may overlap.

    >>> MaxPool(3, stride=2, ceil=True).forward(np.ones((1, 2, 32, 32)))[0].shape
    (1, 2, 16, 16)
    """

    def forward(self, x, train=False):
        """Return the pooled image and the cache."""
        return max_pool_forward(x, self.kernel, self.stride, self.pad, self.ceil)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return max_pool_backward(dout, cache), {}

    def infer(self, x):
        """Return the largest pixel of every window, without its switch."""
        return kernels.window_max(x, _window("max_pool", x, self.kernel, self.stride, self.pad, self.ceil))

    def inference_window(self):
        """Return the window, for a convolution that takes the largest pixels itself."""
        return _checked_window("max_pool", self.kernel, self.stride, self.pad, self.ceil)


class AveragePool(_Pool):
    """The mean of every window; windows may overlap.

    >>> AveragePool(2).forward(np.ones((1, 2, 32, 32)))[0].shape
    (1, 2, 16, 16)
    """

    def forward(self, x, train=False):
        """Return the pooled image and the cache."""
        return average_pool_forward(x, self.kernel, self.stride, self.pad, self.ceil)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return average_pool_backward(dout, cache), {}


class GlobalAveragePool(Layer):
    """The mean over the whole image, (N, C, H, W) -> (N, C).

    >>> GlobalAveragePool().forward(np.ones((1, 2, 8, 8)))[0]
    array([[1., 1.]])
    """

    def forward(self, x, train=False):
        """Return the channel means and the cache."""
        return global_average_pool_forward(x)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return global_average_pool_backward(dout, cache), {}
