"""Affine layer: every output is a weighted sum of all inputs plus a bias."""

import numpy as np

from nnscratch.course import NotWritten


def affine_forward(x, w, b):
    """Compute out = x w + b, with every example of x flattened to D numbers.

    x: (N, ...), D numbers in each example, such as (N, D) or (N, C, H, W) with C * H * W = D.
    w: (D, M). b: (M,). All have one floating-point dtype.

    Returns (out, cache): out is (N, M) and has the dtype of x; the cache holds what affine_backward will need, in
    any form you like. x, w and b stay as they are.

    out[n, m] = x[n, 0] * w[0, m] + ... + x[n, D - 1] * w[D - 1, m] + b[m]

    >>> out, cache = affine_forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([5.0]))
    >>> out
    array([[16.]])
    """
    # solution
    out = x.reshape(len(x), -1) @ w + b
    return out, (x, w)
    # end of solution


def affine_backward(dout, cache):
    """Pass the gradient of the loss back through affine_forward, to x, w and b.

    dout: (N, M), the gradient of the loss with respect to out. cache: what affine_forward returned.

    Returns (dx, dw, db), shaped like x, w and b, with their dtype. Gradients of the examples are added up, not
    averaged: whoever wants a mean puts 1 / N into dout. dout and the cache stay as they are.

    dx[n, d] = sum over m of dout[n, m] * w[d, m]
    dw[d, m] = sum over n of x[n, d] * dout[n, m]
    db[m] = sum over n of dout[n, m]

    >>> out, cache = affine_forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([5.0]))
    >>> dx, dw, db = affine_backward(np.array([[10.0]]), cache)
    >>> dx, dw.ravel(), db
    (array([[30., 40.]]), array([10., 20.]), array([10.]))
    """
    # solution
    x, w = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db
    # end of solution
