"""Convolution as a matrix product: the windows of an image become the columns of a matrix."""

import numpy as np
from sizes import output_size

from nnscratch.course import NotWritten


def im2col(x, KH, KW, stride=1, pad=0):
    """Lay out every window of every image as a column.

    x: images (N, C, H, W). KH, KW: the window's height and width. stride and pad: as for a convolution.

    Returns cols (N, C * KH * KW, OH * OW), of x's dtype. Column i * OW + j of image n is the window at place
    (i, j), flattened like a filter: channel first, then the rows of the window, then its columns. That is

        cols[n, (c * KH + k) * KW + l, i * OW + j] = padded[n, c, i * stride + k, j * stride + l]

    A loop over the KH * KW places (k, l) inside a window is enough: for each of them, the pixels that all
    windows have there are one strided slice of the padded images. x stays as it is.
    Source: Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks", sec. 2.1.

    >>> im2col(np.arange(9.0).reshape(1, 1, 3, 3), 2, 2)[0]
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])
    """
    # solution
    N, C, H, W = x.shape
    OH, OW = output_size(H, KH, stride, pad), output_size(W, KW, stride, pad)
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    cols = np.empty((N, C, KH, KW, OH, OW), x.dtype)
    for k in range(KH):
        for l in range(KW):
            cols[:, :, k, l] = padded[:, :, k : k + stride * OH : stride, l : l + stride * OW : stride]
    return cols.reshape(N, C * KH * KW, OH * OW)
    # end of solution


def col2im(cols, x_shape, KH, KW, stride=1, pad=0):
    """Add every column back to the pixels that it came from: the backward pass of im2col.

    cols: (N, C * KH * KW, OH * OW), laid out as im2col does. x_shape: (N, C, H, W), the shape of the images.
    KH, KW, stride, pad: those that im2col was called with.

    Returns dx of shape x_shape and cols' dtype: each pixel gets the sum of all entries of cols that im2col would
    have copied it to. What would go to the padding is dropped. cols stays as it is.

    >>> col2im(np.ones((1, 4, 4)), (1, 1, 3, 3), 2, 2)[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    # solution
    N, C, H, W = x_shape
    OH, OW = output_size(H, KH, stride, pad), output_size(W, KW, stride, pad)
    cols = cols.reshape(N, C, KH, KW, OH, OW)
    padded = np.zeros((N, C, H + 2 * pad, W + 2 * pad), cols.dtype)
    for k in range(KH):
        for l in range(KW):
            padded[:, :, k : k + stride * OH : stride, l : l + stride * OW : stride] += cols[:, :, k, l]
    return padded[:, :, pad : pad + H, pad : pad + W]
    # end of solution


def conv_forward(x, w, b, stride=1, pad=0):
    """Convolve by im2col and one matrix product: the same numbers as conv_naive_forward, without its loops.

    x: (N, C, H, W), w: (F, C, KH, KW), b: (F,). With each filter flattened to a row of C * KH * KW numbers and
    cols = im2col(x, KH, KW, stride, pad), the scores of image n are rows @ cols[n] + b, of shape (F, OH * OW).

    Returns out (N, F, OH, OW), of x's dtype, and cache = (x.shape, cols, w, b, stride, pad). Nothing that was
    handed in is changed.
    Errors: ValueError that names both numbers if x and w differ in their number of channels.

    >>> x, w = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2))
    >>> conv_forward(x, w, np.array([0.5]))[0][0, 0]
    array([[ 8.5, 12.5],
           [20.5, 24.5]])
    """
    # solution
    N, C, H, W = x.shape
    F, channels, KH, KW = w.shape
    if channels != C:
        raise ValueError(f"conv_forward: x has {C} channels but w has {channels}")
    cols = im2col(x, KH, KW, stride, pad)
    out = w.reshape(F, -1) @ cols + b[:, None]
    out = out.reshape(N, F, output_size(H, KH, stride, pad), output_size(W, KW, stride, pad))
    return out, (x.shape, cols, w, b, stride, pad)
    # end of solution


def conv_backward(dout, cache):
    """Gradients of conv_forward, by matrix products and col2im.

    dout: (N, F, OH, OW). cache: (x_shape, cols, w, b, stride, pad) of conv_forward. With dout of image n as a
    matrix of shape (F, OH * OW), and filters as rows (F, C * KH * KW):

        drows = sum over n of dout[n] @ cols[n]^T
        dcols[n] = rows^T @ dout[n]
        db[f] = sum of dout[:, f]

    Returns dx (N, C, H, W), dw (F, C, KH, KW) and db (F,), of the dtypes of cols, w and b.
    Nothing that was handed in is changed.

    >>> x, w = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2))
    >>> out, cache = conv_forward(x, w, np.zeros(1))
    >>> dx, dw, db = conv_backward(np.ones((1, 1, 2, 2)), cache)
    >>> dx[0, 0, 1], dw[0, 0, 0], db
    (array([2., 4., 2.]), array([ 8., 12.]), array([4.]))
    """
    # solution
    x_shape, cols, w, b, stride, pad = cache
    N, F, OH, OW = dout.shape
    _, _, KH, KW = w.shape
    columns = dout.reshape(N, F, OH * OW)
    dw = (columns @ cols.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
    dcols = w.reshape(F, -1).T @ columns
    return col2im(dcols, x_shape, KH, KW, stride, pad), dw, dout.sum(axis=(0, 2, 3))
    # end of solution


def conv_fast_forward(x, w, b, stride=1, pad=0):
    """Convolve at least 30 times as fast as the loops of conv_naive_forward; the numbers are the same.

    x: (N, C, H, W), w: (F, C, KH, KW), b: (F,). There may be no Python loop over examples, filters or places.
    You may use im2col, or look at the windows without a copy: np.lib.stride_tricks.sliding_window_view.

    Returns out (N, F, OH, OW), of x's dtype. There is no cache. The time is that of x (8, 8, 16, 16) and
    w (16, 8, 3, 3) with pad 1; the naive form is one with four loops.

    >>> x, w = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2))
    >>> conv_fast_forward(x, w, np.array([0.5]))[0, 0]
    array([[ 8.5, 12.5],
           [20.5, 24.5]])
    """
    # solution
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    out = np.tensordot(windows, w, axes=([1, 4, 5], [1, 2, 3])) + b
    return out.transpose(0, 3, 1, 2)
    # end of solution
