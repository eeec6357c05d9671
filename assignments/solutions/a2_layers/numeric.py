"""Derivatives by differences: slow, but so simple that every backward pass can be compared with them."""

import numpy as np

from nnscratch.course import NotWritten


def numerical_gradient(f, x, dout=None, h=1e-5):
    """Measure the gradient of sum(dout * f(x)) with respect to x by central differences.

    f: a function of x that returns an array or a single number; it does not change x, but may return x itself.
    x: float64 array of any shape. dout: an array shaped like f(x), the upstream gradient; None stands for ones.
    h: how far each element is moved, up and down.

    Returns an array shaped like x, float64: for each index i, with all other elements as they were,

    gradient[i] = sum(dout * (f(x with x[i] + h) - f(x with x[i] - h))) / (2 h)

    You may write into x while you measure (that is quicker than a copy for every element), but afterwards x holds
    the very numbers it held before, to the last bit.

    >>> numerical_gradient(lambda x: x**3, np.array([1.0, 2.0]), dout=np.array([1.0, 10.0])).round(4)
    array([  3., 120.])
    """
    # solution
    dout = 1.0 if dout is None else dout
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        above = np.array(f(x))
        x[i] = old - h
        below = np.array(f(x))
        x[i] = old
        gradient[i] = np.sum(dout * (above - below)) / (2 * h)
    return gradient
    # end of solution
