"""cs231n.fast_layers: convolution and max pool without Python loops, in the forms that CS231n compares.

`_im2col` and `_strides` are the lesson's forms in NumPy; `_fast` is this package's kernel. All agree to round-off.
"""

import numpy as np

from nnscratch import layers
from nnscratch.interop.cs231n.im2col import col2im_indices, im2col_indices
from nnscratch.interop.cs231n.layers import pool_window
from nnscratch.shapes import ShapeError, Window, window_count

__all__ = [
    "conv_backward_fast",
    "conv_backward_im2col",
    "conv_backward_strides",
    "conv_forward_fast",
    "conv_forward_im2col",
    "conv_forward_strides",
    "max_pool_backward_fast",
    "max_pool_backward_im2col",
    "max_pool_backward_reshape",
    "max_pool_forward_fast",
    "max_pool_forward_im2col",
    "max_pool_forward_reshape",
]


def conv_forward_im2col(x, w, b, conv_param):
    """Convolution as one matrix product with the columns of im2col_indices; arguments as conv_forward_naive.

    >>> x, w, b = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.zeros(1)
    >>> conv_forward_im2col(x, w, b, {"stride": 1, "pad": 1})[0][0, 0, 0]
    array([4., 6., 4.])
    """
    stride, pad, (OH, OW) = _places(x, w, conv_param)
    cols = im2col_indices(x, w.shape[2], w.shape[3], pad, stride)
    out = w.reshape(len(w), -1) @ cols + b[:, None]
    out = out.reshape(len(w), OH, OW, len(x)).transpose(3, 0, 1, 2)
    return np.ascontiguousarray(out), (x, w, b, conv_param, cols)


def conv_backward_im2col(dout, cache):
    """Return dx, dw, db.

    >>> x, w, b = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.zeros(1)
    >>> out, cache = conv_forward_im2col(x, w, b, {"stride": 1, "pad": 1})
    >>> conv_backward_im2col(out, cache)[1][0, 0, 1]
    array([35., 49., 35.])
    """
    x, w, _, conv_param, cols = cache
    rows = dout.transpose(1, 2, 3, 0).reshape(len(w), -1)
    dcols = w.reshape(len(w), -1).T @ rows
    dx = col2im_indices(dcols, x.shape, w.shape[2], w.shape[3], conv_param["pad"], conv_param["stride"])
    return dx, (rows @ cols.T).reshape(w.shape), dout.sum(axis=(0, 2, 3))


def conv_forward_strides(x, w, b, conv_param):
    """Convolution as a product with a view of all windows, which copies no pixel; arguments as conv_forward_naive.

    >>> x, w, b = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.zeros(1)
    >>> conv_forward_strides(x, w, b, {"stride": 1, "pad": 1})[0][0, 0, 0]
    array([4., 6., 4.])
    """
    stride, pad, _ = _places(x, w, conv_param)
    windows = _windows(x, w, stride, pad)
    out = np.tensordot(windows, w, axes=([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2) + b[:, None, None]
    return np.ascontiguousarray(out), (x, w, b, conv_param)


def conv_backward_strides(dout, cache):
    """Return dx, dw, db.

    >>> x, w, b = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.zeros(1)
    >>> out, cache = conv_forward_strides(x, w, b, {"stride": 1, "pad": 1})
    >>> conv_backward_strides(out, cache)[1][0, 0, 1]
    array([35., 49., 35.])
    """
    x, w, _, conv_param = cache
    stride, pad, (OH, OW) = _places(x, w, conv_param)
    dw = np.tensordot(dout, _windows(x, w, stride, pad), axes=([0, 2, 3], [0, 2, 3]))
    N, C, H, W = x.shape
    padded = np.zeros((N, C, H + 2 * pad, W + 2 * pad), dout.dtype)
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            tap = np.tensordot(dout, w[:, :, i, j], axes=(1, 0)).transpose(0, 3, 1, 2)
            padded[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride] += tap
    return padded[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))


def conv_forward_fast(x, w, b, conv_param):
    """Convolution by this package's kernel; arguments as conv_forward_naive.

    >>> x, w, b = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.zeros(1)
    >>> conv_forward_fast(x, w, b, {"stride": 1, "pad": 1})[0][0, 0, 0]
    array([4., 6., 4.])
    """
    return layers.conv_forward(x, w, b, conv_param["stride"], conv_param["pad"])


def conv_backward_fast(dout, cache):
    """Return dx, dw, db.

    >>> x, w, b = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.zeros(1)
    >>> out, cache = conv_forward_fast(x, w, b, {"stride": 1, "pad": 1})
    >>> conv_backward_fast(out, cache)[1][0, 0, 1]
    array([35., 49., 35.])
    """
    return layers.conv_backward(dout, cache)


def max_pool_forward_reshape(x, pool_param):
    """Max pool of square windows that tile the image, by reshaping; raises ShapeError for others.

    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    >>> max_pool_forward_reshape(np.arange(16.0).reshape(1, 1, 4, 4), pool_param)[0][0, 0, 0]
    array([5., 7.])
    """
    (height, width), stride = pool_window(pool_param)
    N, C, H, W = x.shape
    if not height == width == stride or H % height or W % width:
        raise ShapeError(
            f"max_pool_forward_reshape: windows of ({height}, {width}), {stride} apart, do not tile an image of "
            f"({H}, {W}): use max_pool_forward_fast, which takes any"
        )
    tiles = x.reshape(N, C, H // height, height, W // width, width).transpose(0, 1, 2, 4, 3, 5)
    tiles = tiles.reshape(N, C, H // height, W // width, height * width)
    return tiles.max(axis=4), (x.shape, tiles.argmax(axis=4), height)


def max_pool_backward_reshape(dout, cache):
    """Return dx; of equal pixels in a window, the first one gets the gradient, as in every form here.

    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    >>> out, cache = max_pool_forward_reshape(np.arange(16.0).reshape(1, 1, 4, 4), pool_param)
    >>> max_pool_backward_reshape(np.ones_like(out), cache)[0, 0, 1]
    array([0., 1., 0., 1.])
    """
    x_shape, winners, side = cache
    tiles = np.zeros((*dout.shape, side * side), dout.dtype)
    np.put_along_axis(tiles, winners[..., None], dout[..., None], axis=4)
    return tiles.reshape(*dout.shape, side, side).transpose(0, 1, 2, 4, 3, 5).reshape(x_shape)


def max_pool_forward_im2col(x, pool_param):
    """Max pool of any windows, by the columns of im2col_indices.

    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 1}
    >>> max_pool_forward_im2col(np.arange(16.0).reshape(1, 1, 4, 4), pool_param)[0][0, 0, 0]
    array([5., 6., 7.])
    """
    (height, width), stride = pool_window(pool_param)
    N, C, H, W = x.shape
    cols = im2col_indices(x.reshape(N * C, 1, H, W), height, width, padding=0, stride=stride)
    winners = cols.argmax(axis=0)
    places = window_count(H, height, stride), window_count(W, width, stride)
    out = cols[winners, np.arange(cols.shape[1])].reshape(*places, N, C).transpose(2, 3, 0, 1)
    return np.ascontiguousarray(out), (x.shape, winners, pool_param)


def max_pool_backward_im2col(dout, cache):
    """Return dx.

    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 1}
    >>> out, cache = max_pool_forward_im2col(np.arange(16.0).reshape(1, 1, 4, 4), pool_param)
    >>> max_pool_backward_im2col(np.ones_like(out), cache)[0, 0, 1]
    array([0., 1., 1., 1.])
    """
    (N, C, H, W), winners, pool_param = cache
    (height, width), stride = pool_window(pool_param)
    dcols = np.zeros((height * width, len(winners)), dout.dtype)
    dcols[winners, np.arange(len(winners))] = dout.transpose(2, 3, 0, 1).reshape(-1)
    return col2im_indices(dcols, (N * C, 1, H, W), height, width, padding=0, stride=stride).reshape(N, C, H, W)


def max_pool_forward_fast(x, pool_param):
    """Max pool of any windows, by this package's kernel.

    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    >>> max_pool_forward_fast(np.arange(16.0).reshape(1, 1, 4, 4), pool_param)[0][0, 0, 0]
    array([5., 7.])
    """
    return layers.max_pool_forward(x, *pool_window(pool_param))


def max_pool_backward_fast(dout, cache):
    """Return dx.

    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    >>> out, cache = max_pool_forward_fast(np.arange(16.0).reshape(1, 1, 4, 4), pool_param)
    >>> max_pool_backward_fast(np.ones_like(out), cache)[0, 0, 1]
    array([0., 1., 0., 1.])
    """
    return layers.max_pool_backward(dout, cache)


def _places(x, w, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    return stride, pad, Window.of(w.shape[2:], stride, pad).places(*x.shape[2:])


def _windows(x, w, stride, pad):
    """All windows as a view (N, C, OH, OW, HH, WW) of the padded images."""
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    return np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
