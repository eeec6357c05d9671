"""Activations: the non-linear functions between layers, one number at a time (maxout: k at a time)."""

import numpy as np

from nnscratch.course import NotWritten


def relu_forward(x):
    """Compute out = max(0, x), element by element.

    x: array of any shape, floating point. Returns (out, cache): out has the shape and dtype of x; the cache is
    yours. x stays as it is.

    >>> out, cache = relu_forward(np.array([-1.0, 0.0, 2.0]))
    >>> out
    array([0., 0., 2.])
    """
    # solution
    return np.maximum(x, 0), x
    # end of solution


def relu_backward(dout, cache):
    """Pass the gradient back through relu_forward.

    dout: shaped like x. Returns dx, shaped like x: dout where x > 0, and 0 elsewhere, at x = 0 as well. dx is a
    new array, and dout stays as it is: in a network with branches somebody else still needs it.

    >>> out, cache = relu_forward(np.array([-1.0, 0.0, 2.0]))
    >>> relu_backward(np.array([10.0, 20.0, 30.0]), cache)
    array([ 0.,  0., 30.])
    """
    # solution
    return dout * (cache > 0)
    # end of solution


def leaky_relu_forward(x, slope=0.01):
    """Compute out = x where x > 0, and slope * x elsewhere; this half of the pair is given.

    x: array of any shape. slope: a number. Returns (out, cache).

    >>> leaky_relu_forward(np.array([-1.0, 2.0]), slope=0.1)[0]
    array([-0.1,  2. ])
    """
    return np.where(x > 0, x, slope * x), (x, slope)


def leaky_relu_backward(dout, cache):
    """Pass the gradient back through leaky_relu_forward, which is given above: read there what the cache holds.

    dout: shaped like x. Returns dx, shaped like x: dout where x > 0, and slope * dout elsewhere.

    >>> out, cache = leaky_relu_forward(np.array([-1.0, 2.0]), slope=0.1)
    >>> leaky_relu_backward(np.array([10.0, 20.0]), cache)
    array([ 1., 20.])
    """
    # solution
    x, slope = cache
    return np.where(x > 0, dout, slope * dout)
    # end of solution


def sigmoid_forward(x):
    """Compute out = 1 / (1 + exp(-x)), element by element, without an overflow for any x.

    x: array of any shape, floating point. Returns (out, cache): out has the shape and dtype of x.

    exp(1000) is infinity, with a warning. So write it with powers that are never above 1: with s = exp(-|x|),
    out = 1 / (1 + s) where x >= 0, and s / (1 + s) where x < 0, which is the same formula multiplied by exp(x).

    >>> out, cache = sigmoid_forward(np.array([-1000.0, 0.0, 1000.0]))
    >>> out
    array([0. , 0.5, 1. ])
    """
    # solution
    s = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1, s) / (1 + s)
    return out, out
    # end of solution


def sigmoid_backward(dout, cache):
    """Pass the gradient back through sigmoid_forward.

    dout: shaped like x. Returns dx, shaped like x. The derivative of the sigmoid is out * (1 - out), so the cache
    needs to hold no more than out.

    >>> out, cache = sigmoid_forward(np.array([0.0]))
    >>> sigmoid_backward(np.array([8.0]), cache)
    array([2.])
    """
    # solution
    return dout * cache * (1 - cache)
    # end of solution


def tanh_forward(x):
    """Compute out = tanh(x); this half of the pair is given.

    x: array of any shape. Returns (out, cache), and the cache is out.

    >>> tanh_forward(np.array([0.0]))[0]
    array([0.])
    """
    out = np.tanh(x)
    return out, out


def tanh_backward(dout, cache):
    """Pass the gradient back through tanh_forward, which is given above: its cache is out.

    dout: shaped like x. Returns dx, shaped like x. The derivative of tanh(x) is 1 - tanh(x)**2.

    >>> out, cache = tanh_forward(np.array([0.0]))
    >>> tanh_backward(np.array([8.0]), cache)
    array([8.])
    """
    # solution
    return dout * (1 - cache**2)
    # end of solution


def elu_forward(x, alpha=1.0):
    """Compute out = x where x > 0, and alpha * (exp(x) - 1) elsewhere, without an overflow for any x.

    x: array of any shape, floating point. alpha: a number. Returns (out, cache): out has the shape and dtype of x.

    np.where computes both of its branches for all of x, so that exp must not meet large numbers even where its
    result is thrown away. np.expm1(x) is exp(x) - 1, and keeps its digits near 0.

    >>> out, cache = elu_forward(np.array([-1000.0, 0.0, 1000.0]))
    >>> out
    array([  -1.,    0., 1000.])
    """
    # solution
    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return out, (x, out, alpha)
    # end of solution


def elu_backward(dout, cache):
    """Pass the gradient back through elu_forward.

    dout: shaped like x. Returns dx, shaped like x: dout where x > 0, and dout * alpha * exp(x) elsewhere; there
    alpha * exp(x) = out + alpha, which costs no second exp.

    >>> out, cache = elu_forward(np.array([-1000.0, 2.0]), alpha=0.5)
    >>> elu_backward(np.array([10.0, 10.0]), cache)
    array([ 0., 10.])
    """
    # solution
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out + alpha)
    # end of solution


def maxout_forward(x, w, b):
    """Compute the largest of k affine functions of x, unit by unit.

    x: (N, D). w: (k, D, M). b: (k, M). Returns (out, cache): out is (N, M) and has the dtype of x.

    out[n, m] = the largest of the k numbers sum over d of x[n, d] * w[j, d, m], plus b[j, m], for j = 0 ... k - 1

    The cache has to tell maxout_backward which j won; where several tie, the first does.

    >>> w = np.array([[[1.0]], [[-1.0]]])  # the larger of x and -x: the absolute value
    >>> out, cache = maxout_forward(np.array([[-3.0], [2.0]]), w, np.zeros((2, 1)))
    >>> out.ravel()
    array([3., 2.])
    """
    # solution
    pieces = x @ w + b[:, None]
    return pieces.max(axis=0), (x, w, pieces.argmax(axis=0))
    # end of solution


def maxout_backward(dout, cache):
    """Pass the gradient back through maxout_forward: only the piece that won gets dout.

    dout: (N, M). Returns (dx, dw, db), shaped like x, w and b. With routed[j] = dout where j won, and 0 elsewhere,
    piece j is an affine layer with the upstream gradient routed[j]; dx is the sum of what the k pieces give.

    >>> w = np.array([[[1.0]], [[-1.0]]])
    >>> out, cache = maxout_forward(np.array([[-3.0], [2.0]]), w, np.zeros((2, 1)))
    >>> dx, dw, db = maxout_backward(np.array([[1.0], [10.0]]), cache)
    >>> dx.ravel(), dw.ravel(), db.ravel()
    (array([-1., 10.]), array([20., -3.]), array([10.,  1.]))
    """
    # solution
    x, w, winner = cache
    routed = dout * (winner == np.arange(len(w))[:, None, None])
    dx = (routed @ w.swapaxes(1, 2)).sum(axis=0)
    dw = x.T @ routed
    db = routed.sum(axis=1)
    return dx, dw, db
    # end of solution
