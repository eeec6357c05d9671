"""Convolution as its definition says: loops over examples, filters and places."""

import numpy as np
from sizes import output_size

from nnscratch.course import NotWritten


def conv_naive_forward(x, w, b, stride=1, pad=0):
    """Slide every filter over every image; each place gives the dot product of the filter with what it covers.

    x: images (N, C, H, W). w: filters (F, C, KH, KW). b: (F,), one number per filter. stride: pixels from one
    place to the next, the same down and across. pad: zeros on all four sides of each image.

        out[n, f, i, j] = b[f] + sum over c, k, l of padded[n, c, i * stride + k, j * stride + l] * w[f, c, k, l]

    The filter is not flipped. Write it with loops over n, f, i and j: this is the definition that the fast forms
    are compared with.

    Returns out (N, F, OH, OW), OH = output_size(H, KH, stride, pad) and OW likewise, of x's dtype,
    and cache = (x, w, b, stride, pad). x, w and b stay as they are.

    >>> x, w = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2))
    >>> conv_naive_forward(x, w, np.array([0.5]))[0][0, 0]
    array([[ 8.5, 12.5],
           [20.5, 24.5]])
    """
    # solution
    N, C, H, W = x.shape
    F, _, KH, KW = w.shape
    OH, OW = output_size(H, KH, stride, pad), output_size(W, KW, stride, pad)
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    top, left = i * stride, j * stride
                    covered = padded[n, :, top : top + KH, left : left + KW]
                    out[n, f, i, j] = (covered * w[f]).sum() + b[f]
    return out, (x, w, b, stride, pad)
    # end of solution


def conv_naive_backward(dout, cache):
    """Hand each dout back to all that its output was made of: the covered pixels, the filter and the bias.

    dout: (N, F, OH, OW), the gradient of the loss with respect to out. cache: what conv_naive_forward returned,
    (x, w, b, stride, pad). For every n, f, i, j, with `covered` the pixels that filter f covered there:

        dw[f] += dout[n, f, i, j] * covered
        d covered += dout[n, f, i, j] * w[f]
        db[f] += dout[n, f, i, j]

    Pixels lie in several windows, so their gradients add up. The padding's gradient is thrown away in the end.

    Returns dx (N, C, H, W), dw (F, C, KH, KW), db (F,), of the dtypes of x, w and b. Nothing that was handed in
    is changed.

    >>> x, w = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2))
    >>> out, cache = conv_naive_forward(x, w, np.zeros(1))
    >>> dx, dw, db = conv_naive_backward(np.ones((1, 1, 2, 2)), cache)
    >>> dx[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    >>> dw[0, 0], db
    (array([[ 8., 12.],
           [20., 24.]]), array([4.]))
    """
    # solution
    x, w, b, stride, pad = cache
    N, F, OH, OW = dout.shape
    _, _, KH, KW = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded, dw, db = np.zeros_like(padded), np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    top, left = i * stride, j * stride
                    here = (n, slice(None), slice(top, top + KH), slice(left, left + KW))
                    dw[f] += dout[n, f, i, j] * padded[here]
                    dpadded[here] += dout[n, f, i, j] * w[f]
                    db[f] += dout[n, f, i, j]
    H, W = x.shape[2:]
    return dpadded[:, :, pad : pad + H, pad : pad + W], dw, db
    # end of solution
