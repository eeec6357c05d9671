"""Flatten: lay the axes of an example out in a row, from images to features."""

from nnscratch.layers.base import Layer
from nnscratch.shapes import as_rows, match_axes


def flatten_forward(x):
    """x (N, ...) -> out (N, D), D being the product of the other axes.

    >>> import numpy as np
    >>> out, cache = flatten_forward(np.ones((2, 3, 4, 4)))
    >>> out.shape, flatten_backward(out, cache).shape
    ((2, 48), (2, 3, 4, 4))
    """
    match_axes("flatten", x=(x, "N ..."))
    return as_rows(x), x.shape


def flatten_backward(dout, x_shape):
    """dx is dout in x's shape."""
    return dout.reshape(x_shape)


class Flatten(Layer):
    """Lay every example out in a row.

    >>> import numpy as np
    >>> Flatten().forward(np.ones((2, 3, 4, 4)))[0].shape
    (2, 48)
    """

    def forward(self, x, train=False):
        """Return x as (N, D) and the cache."""
        return flatten_forward(x)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return flatten_backward(dout, cache), {}
