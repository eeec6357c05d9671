"""Pooling: every window of an image is summed up by one number, its largest or its mean."""

import numpy as np
from sizes import output_size

from nnscratch.course import NotWritten


def max_pool_forward(x, kernel=2, stride=2):
    """Keep the largest pixel of every window, and remember where it was: the switches.

    x: images (N, C, H, W). kernel: the windows are kernel x kernel pixels. stride: pixels from one window to the
    next, down and across; windows overlap if it is below the kernel. There is no padding; a last window that
    would hang over the edge is left out.

    Returns out (N, C, OH, OW), of x's dtype, OH = output_size(H, kernel, stride) and OW likewise,
    and cache = (x.shape, switches). switches: whole numbers (N, C, OH, OW); switches[n, c, i, j] = row * W +
    column of the winner in the image. Where several pixels are the largest, the first wins (rows first, as in
    reading). x stays as it is. Source: Zeiler & Fergus 2014, sec. 2.1.

    >>> x = np.array([[[[1.0, 5.0, 2.0, 2.0], [3.0, 4.0, 2.0, 7.0]]]])
    >>> out, (shape, switches) = max_pool_forward(x)
    >>> out[0, 0], switches[0, 0]
    (array([[5., 7.]]), array([[1, 7]]))
    """
    # solution
    N, C, H, W = x.shape
    OH, OW = output_size(H, kernel, stride), output_size(W, kernel, stride)
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride].reshape(N, C, OH, OW, kernel * kernel)
    winner = windows.argmax(axis=-1)
    out = np.take_along_axis(windows, winner[..., None], axis=-1)[..., 0]
    row = np.arange(OH)[:, None] * stride + winner // kernel
    column = np.arange(OW) * stride + winner % kernel
    return out, (x.shape, row * W + column)
    # end of solution


def max_pool_backward(dout, cache):
    """Send each dout to the pixel that won its window; a pixel that won several windows gets the sum.

    dout: (N, C, OH, OW). cache: (x_shape, switches) of max_pool_forward; switches[n, c, i, j] = row * W + column
    of the winner. Returns dx of shape x_shape and dout's dtype. dout and cache stay as they are.

    Mind `dx[places] += values`: where a place occurs twice, only one of its values is added. np.add.at adds all.

    >>> x = np.array([[[[1.0, 9.0, 2.0]]]])
    >>> x = np.concatenate([x, x * 0], axis=2)
    >>> out, cache = max_pool_forward(x, kernel=2, stride=1)
    >>> max_pool_backward(np.array([[[[1.0, 10.0]]]]), cache)[0, 0]
    array([[ 0., 11.,  0.],
           [ 0.,  0.,  0.]])
    """
    # solution
    (N, C, H, W), switches = cache
    dx = np.zeros((N * C, H * W), dout.dtype)
    maps = np.arange(N * C)[:, None]
    np.add.at(dx, (maps, switches.reshape(N * C, -1)), dout.reshape(N * C, -1))
    return dx.reshape(N, C, H, W)
    # end of solution


def average_pool_forward(x, kernel=2, stride=2):
    """Take the mean of every window.

    x: images (N, C, H, W). kernel and stride: as for max_pool_forward; there is no padding.
    Returns out (N, C, OH, OW), of x's dtype, and cache = (x.shape, kernel, stride). x stays as it is.

    >>> average_pool_forward(np.arange(16.0).reshape(1, 1, 4, 4))[0][0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    # solution
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    return windows[:, :, ::stride, ::stride].mean(axis=(-2, -1)), (x.shape, kernel, stride)
    # end of solution


def average_pool_backward(dout, cache):
    """Share each dout out evenly over the pixels of its window; where windows overlap, the shares add up.

    dout: (N, C, OH, OW). cache: (x_shape, kernel, stride) of average_pool_forward.
    Returns dx of shape x_shape and dout's dtype. dout stays as it is.

    >>> out, cache = average_pool_forward(np.ones((1, 1, 3, 3)), kernel=2, stride=1)
    >>> average_pool_backward(np.ones((1, 1, 2, 2)), cache)[0, 0]
    array([[0.25, 0.5 , 0.25],
           [0.5 , 1.  , 0.5 ],
           [0.25, 0.5 , 0.25]])
    """
    # solution
    x_shape, kernel, stride = cache
    OH, OW = dout.shape[2:]
    dx = np.zeros(x_shape, dout.dtype)
    for k in range(kernel):
        for l in range(kernel):
            dx[:, :, k : k + stride * OH : stride, l : l + stride * OW : stride] += dout / kernel**2
    return dx
    # end of solution
