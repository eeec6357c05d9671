"""Embedding: look whole numbers (words, characters) up in a table of learned vectors."""

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import may_look
from nnscratch.layers.base import Layer, parameter
from nnscratch.layers.initializers import normal
from nnscratch.shapes import ShapeError, check_dout, match_axes


def embedding_forward(x, w):
    """out[..., :] = w[x[...]]: every index is replaced by its row of the table.

    x: whole numbers of any shape, from 0 to V - 1; w: (V, D). Returns out (x's shape, D) and the cache.
    Source: Bengio et al. 2003, "A neural probabilistic language model", sec. 2. Raises ShapeError, IndexError.

    >>> out, cache = embedding_forward(np.array([2, 0, 2]), np.arange(6.0).reshape(3, 2))
    >>> out[0], embedding_backward(np.ones((3, 2)), cache)
    (array([4., 5.]), array([[1., 1.],
           [0., 0.],
           [2., 2.]]))
    """
    V, _ = match_axes("embedding", w=(w, "V D"))
    if x.dtype.kind not in "iu":
        raise ShapeError(f"embedding: x holds {x.dtype}, but it takes indexes: convert it with x.astype(int)")
    if x.size and may_look(x) and (x.min() < 0 or x.max() >= V):
        raise IndexError(f"embedding: x runs from {x.min()} to {x.max()}, but the table has rows 0 to {V - 1}")
    return w[x], (x, V)


def embedding_backward(dout, cache):
    """dw: every row of the table gets the sum of dout over the places that looked it up; x has no gradient."""
    x, V = cache
    check_dout("embedding", dout, (*x.shape, dout.shape[-1]))
    return kernels.scatter_rows(dout.reshape(x.size, -1), x.reshape(-1), V)


class Embedding(Layer):
    """A table of V vectors of D numbers.

    >>> layer = Embedding(10, 4, rng=0)
    >>> out, cache = layer.forward(np.array([[1, 2, 3]]))
    >>> dx, grads = layer.backward(out, cache)
    >>> out.shape, dx, grads["w"].shape
    ((1, 3, 4), None, (10, 4))
    """

    def __init__(self, V, D, init=None, rng=0, dtype=np.float32):
        super().__init__()
        self.params["w"] = parameter(init or normal(0.01), (V, D), rng, dtype)

    def forward(self, x, train=False):
        """Return the vectors that x names and the cache."""
        return embedding_forward(x, self.params["w"])

    def backward(self, dout, cache):
        """Return None (indexes have no gradient) and the gradient of the table."""
        return None, {"w": embedding_backward(dout, cache)}
