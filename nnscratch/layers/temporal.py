"""Temporal layers: what is done to every step of a sequence, affine scores and the softmax loss over them."""

from nnscratch import kernels
from nnscratch.arrays import array_module, number
from nnscratch.layers.affine import Affine, affine_backward, affine_forward
from nnscratch.layers.losses import check_labels
from nnscratch.shapes import ShapeError, check_dout, match_axes


def temporal_affine_forward(x, w, b=None):
    """out[n, t] = x[n, t] w + b: one affine layer for all steps.

    x: (N, T, D), w: (D, M), b: (M,) or None. Returns out (N, T, M) and the cache. Raises ShapeError.
    Source: Elman 1990, fig. 2 (the same output weights at every step).

    >>> import numpy as np
    >>> out, cache = temporal_affine_forward(np.ones((1, 2, 3)), np.ones((3, 4)), np.zeros(4))
    >>> dx, dw, db = temporal_affine_backward(out, cache)
    >>> out[0, 0], db
    (array([3., 3., 3., 3.]), array([6., 6., 6., 6.]))
    """
    N, T, D, M = match_axes("temporal_affine", x=(x, "N T D"), w=(w, "D M"), b=(b, "M"))
    out, cache = affine_forward(x.reshape(N * T, D), w, b)
    return out.reshape(N, T, M), (cache, x.shape)


def temporal_affine_backward(dout, cache):
    """dx, dw and db of the affine layer, whose examples are all steps; db is None without a bias."""
    (x, w, b), shape = cache
    check_dout("temporal_affine", dout, (*shape[:2], w.shape[1]))
    dx, dw, db = affine_backward(dout.reshape(-1, w.shape[1]), (x, w, b))
    return dx.reshape(shape), dw, db


class TemporalAffine(Affine):
    """Affine layer from D features to M at every step of a sequence.

    >>> import numpy as np
    >>> layer = TemporalAffine(3, 4, rng=0)
    >>> out, cache = layer.forward(np.ones((2, 5, 3), np.float32))
    >>> dx, grads = layer.backward(out, cache)
    >>> out.shape, dx.shape, grads["w"].shape
    ((2, 5, 4), (2, 5, 3), (3, 4))
    """

    def forward(self, x, train=False):
        """Return x w + b for every step and the cache."""
        return temporal_affine_forward(x, self.params["w"], self.params.get("b"))

    def backward(self, dout, cache):
        """Return dx and the gradients of w and b."""
        dx, dw, db = temporal_affine_backward(dout, cache)
        return dx, self.gradients(w=dw, b=db)


def temporal_softmax_loss(x, y, mask=None):
    """Softmax cross-entropy of sequences: the mean of -log(probability of the right entry) over all steps.

    x: scores (N, T, V), y: the right entries (N, T). mask: (N, T) of 0 and 1; steps where it is 0 do not count.
    Returns (loss, dx), the loss in nats per step. Raises ShapeError, LabelError, and ValueError for an empty mask.
    Source: Bengio et al. 2003, "A neural probabilistic language model", sec. 2.

    >>> import numpy as np
    >>> loss, dx = temporal_softmax_loss(np.zeros((1, 2, 4)), np.array([[0, 1]]), mask=np.array([[1, 0]]))
    >>> round(loss, 3), dx[0]
    (1.386, array([[-0.75,  0.25,  0.25,  0.25],
           [ 0.  ,  0.  ,  0.  ,  0.  ]]))
    """
    N, T, V = match_axes("temporal_softmax_loss", x=(x, "N T V"), y=(y, "N T"), mask=(mask, "N T"))
    if N * T == 0:
        raise ShapeError(
            f"temporal_softmax_loss: x is {x.shape}, without a single step: a loss needs at least one"
        )
    if mask is None:
        check_labels(y, V, "temporal_softmax_loss")
        loss, dx = kernels.softmax_loss(x.reshape(N * T, V), y.reshape(N * T), 0.0)
        return number(loss), dx.reshape(x.shape)
    chosen = mask != 0
    if not chosen.any():
        raise ValueError("temporal_softmax_loss: the mask leaves no step: give a batch with at least one")
    check_labels(y[chosen], V, "temporal_softmax_loss")
    dx = array_module(x).zeros_like(x)
    loss, dx[chosen] = kernels.softmax_loss(x[chosen], y[chosen], 0.0)
    return number(loss), dx
