"""Affine (fully connected) layer: every output is a weighted sum of all inputs plus a bias."""

import numpy as np

from nnscratch import kernels
from nnscratch.layers.base import Layer, parameter
from nnscratch.layers.initializers import constant, he
from nnscratch.shapes import as_rows, check_dout, match_axes


def affine_forward(x, w, b=None):
    """out = x w + b, with every example flattened to D features.

    x: (N, ...) of D numbers an example, w: (D, M), b: (M,) or None. Returns out (N, M) and the cache.
    Source: Rumelhart, Hinton & Williams 1986, eq. 1. Raises ShapeError.

    >>> out, cache = affine_forward(np.ones((2, 3)), np.ones((3, 4)), np.zeros(4))
    >>> dx, dw, db = affine_backward(out, cache)
    >>> out[0], db
    (array([3., 3., 3., 3.]), array([6., 6., 6., 6.]))
    """
    match_axes("affine", x=(x, "N ..."))
    rows = as_rows(x)
    match_axes("affine", x=(rows, "N D"), w=(w, "D M"), b=(b, "M"))
    out = kernels.matmul(rows, w)
    if b is not None:
        out += b
    return out, (x, w, b)


def affine_backward(dout, cache):
    """dx = dout w^T, dw = x^T dout, db = the sum of dout over the batch.

    dout: (N, M). Returns dx shaped like x, dw (D, M) and db (M,), None without a bias.
    """
    x, w, b = cache
    check_dout("affine", dout, (len(x), w.shape[1]))
    dx = kernels.matmul(dout, w.T).reshape(x.shape)
    dw = kernels.matmul(as_rows(x).T, dout)
    return dx, dw, None if b is None else dout.sum(axis=0)


class Affine(Layer):
    """Fully connected layer from D features to M; any further axes of x are flattened.

    `bias` is the bias' first value (None: no bias), `init` an initialiser, `rng` a seed or Generator.

    >>> layer = Affine(3, 4, rng=0)
    >>> out, cache = layer.forward(np.ones((2, 3), np.float32))
    >>> dx, grads = layer.backward(out, cache)
    >>> out.shape, dx.shape, grads["w"].shape
    ((2, 4), (2, 3), (3, 4))
    """

    def __init__(self, D, M, bias=0.0, init=None, rng=0, dtype=np.float32):
        super().__init__()
        self.params["w"] = parameter(init or he(), (D, M), rng, dtype)
        if bias is not None:
            self.params["b"] = parameter(constant(bias), (M,), rng, dtype)

    def forward(self, x, train=False):
        """Return x w + b and the cache."""
        return affine_forward(x, self.params["w"], self.params.get("b"))

    def backward(self, dout, cache):
        """Return dx and the gradients of w and b."""
        dx, dw, db = affine_backward(dout, cache)
        return dx, self.gradients(w=dw, b=db)
