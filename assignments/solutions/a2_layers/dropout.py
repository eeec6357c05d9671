"""Inverted dropout: in training, set a random share of the numbers to 0 and scale the others up to make good."""

import numpy as np

from nnscratch.course import NotWritten


def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    """Set each number to 0 with probability `drop`, and divide the others by 1 - drop.

    x: (N, ...), floating point. drop: the share that is dropped, at least 0 and below 1; any other drop raises a
    ValueError. key: whole numbers that the mask follows from: draw it with np.random.default_rng(key), and the
    same key gives the same mask. train: if False, out equals x. channels: if True, x is (N, C, ...), and each
    channel of each example is dropped or kept as a whole.

    Returns (out, cache): out has the shape and dtype of x. x stays as it is.

    >>> out, cache = dropout_forward(np.ones((100, 100)), drop=0.75, key=(0, 7))
    >>> sorted(set(out.ravel().tolist())), bool(abs(out.mean() - 1) < 0.05)
    ([0.0, 4.0], True)
    """
    # solution
    if not 0 <= drop < 1:
        raise ValueError(f"drop is {drop}: it is the share that is dropped, at least 0 and below 1")
    if not train:
        return x, None
    shape = x.shape[:2] + (1,) * (x.ndim - 2) if channels else x.shape
    kept = np.random.default_rng(key).random(shape) >= drop
    mask = kept.astype(x.dtype) / (1 - drop)
    return x * mask, mask
    # end of solution


def dropout_backward(dout, cache):
    """Pass the gradient back through dropout_forward: by the same mask, with the same factor.

    dout: shaped like x. Returns dx, shaped like x; after a forward pass with train=False dx equals dout.

    >>> out, cache = dropout_forward(np.ones(4), drop=0.5)
    >>> bool((dropout_backward(np.ones(4), cache) == out).all())
    True
    """
    # solution
    return dout if cache is None else dout * cache
    # end of solution
