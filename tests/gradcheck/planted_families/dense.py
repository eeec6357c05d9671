"""Correct affine layers and the small networks built of them."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def flattening_affine_forward(x, w, b):
    """x: (N, ...), flattened to (N, D)."""
    return x.reshape(len(x), -1) @ w + b, (x, w, b)


def flattening_affine_backward(dout, cache):
    x, w, b = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


def temporal_affine_forward(x, w, b):
    """x: (N, T, D)."""
    return x @ w + b, (x, w, b)


def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dw = np.einsum("ntd,ntm->dm", x, dout)
    return dout @ w.T, dw, dout.sum(axis=(0, 1))


def maxout_forward(x, w, b):
    """x: (N, D), w: (k, D, M), b: (k, M)."""
    pieces = x @ w + b[:, None]
    return pieces.max(axis=0), (x, w, pieces)


def maxout_backward(dout, cache):
    x, w, pieces = cache
    winner = pieces.argmax(axis=0)
    routed = dout * (winner == np.arange(len(w))[:, None, None])
    dx = np.einsum("knm,kdm->nd", routed, w)
    return dx, x.T @ routed, routed.sum(axis=1)


def two_layer_forward(x, w1, b1, w2, b2):
    scores = x @ w1 + b1
    hidden = np.maximum(scores, 0)
    return hidden @ w2 + b2, (x, w1, w2, scores, hidden)


def two_layer_backward(dout, cache):
    x, w1, w2, scores, hidden = cache
    dscores = dout @ w2.T * (scores > 0)
    return dscores @ w1.T, x.T @ dscores, dscores.sum(axis=0), hidden.T @ dout, dout.sum(axis=0)


def residual_forward(x, w1, w2):
    """relu(x + relu(x w1) w2)."""
    hidden = np.maximum(x @ w1, 0)
    total = x + hidden @ w2
    return np.maximum(total, 0), (x, w1, w2, hidden, total)


def residual_backward(dout, cache):
    x, w1, w2, hidden, total = cache
    dtotal = dout * (total > 0)
    dhidden = dtotal @ w2.T * (hidden > 0)
    return dtotal + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dtotal


def branches_forward(x, w):
    """Two branches of one input, side by side: tanh(x w) and x * x."""
    first = np.tanh(x @ w)
    return np.concatenate([first, x * x], axis=1), (x, w, first)


def branches_backward(dout, cache):
    x, w, first = cache
    M = first.shape[1]
    dscores = dout[:, :M] * (1 - first**2)
    return dscores @ w.T + 2 * x * dout[:, M:], x.T @ dscores


def siamese_forward(x, y, w):
    """The difference of two examples seen through the same weights."""
    first, second = np.tanh(x @ w), np.tanh(y @ w)
    return first - second, (x, y, w, first, second)


def siamese_backward(dout, cache):
    x, y, w, first, second = cache
    dfirst, dsecond = dout * (1 - first**2), -dout * (1 - second**2)
    return dfirst @ w.T, dsecond @ w.T, x.T @ dfirst + y.T @ dsecond


def tied_forward(x, w):
    """An autoencoder whose decoder has the encoder's weights: tanh(x w) w^T."""
    code = np.tanh(x @ w)
    return code @ w.T, (x, w, code)


def tied_backward(dout, cache):
    x, w, code = cache
    dscores = dout @ w * (1 - code**2)
    return dscores @ w.T, x.T @ dscores + dout.T @ code


def highway_forward(x, w, v):
    """gate * tanh(x w) + (1 - gate) * x, with gate = sigmoid(x v)."""
    gate, change = 1 / (1 + np.exp(-x @ v)), np.tanh(x @ w)
    return gate * change + (1 - gate) * x, (x, w, v, gate, change)


def highway_backward(dout, cache):
    x, w, v, gate, change = cache
    dchange = dout * gate * (1 - change**2)
    dgate = dout * (change - x) * gate * (1 - gate)
    return dchange @ w.T + dgate @ v.T + dout * (1 - gate), x.T @ dchange, x.T @ dgate


AFFINE = Planted("affine", "affine", affine_forward, affine_backward, normal((6, 5), (5, 4), (4,)))
AFFINE_SQUARE = Planted("affine, square", "affine", affine_forward, affine_backward, normal((4, 4), (4, 4), (4,)))
AFFINE_IMAGES = Planted(
    "affine of images",
    "affine",
    flattening_affine_forward,
    flattening_affine_backward,
    normal((3, 2, 2, 2), (8, 5), (5,)),
)
TEMPORAL = Planted(
    "temporal affine", "affine", temporal_affine_forward, temporal_affine_backward, normal((2, 3, 5), (5, 4), (4,))
)
TEMPORAL_SQUARE = Planted(
    "temporal affine, N = T",
    "affine",
    temporal_affine_forward,
    temporal_affine_backward,
    normal((3, 3, 4), (4, 4), (4,)),
)
MAXOUT = Planted("maxout", "maxout", maxout_forward, maxout_backward, normal((5, 4), (3, 4, 3), (3, 3)))
TWO_LAYER = Planted(
    "two-layer network",
    "network",
    two_layer_forward,
    two_layer_backward,
    normal((5, 4), (4, 6), (6,), (6, 3), (3,)),
)
RESIDUAL = Planted(
    "residual block", "residual", residual_forward, residual_backward, normal((4, 5), (5, 6), (6, 5))
)
BRANCHES = Planted("concat of branches", "concat", branches_forward, branches_backward, normal((4, 3), (3, 5)))
SIAMESE = Planted("siamese", "network", siamese_forward, siamese_backward, normal((4, 3), (4, 3), (3, 5)))
TIED = Planted("tied autoencoder", "network", tied_forward, tied_backward, normal((5, 4), (4, 3)))
HIGHWAY = Planted("highway", "residual", highway_forward, highway_backward, normal((5, 4), (4, 4), (4, 4)))

DENSE = [AFFINE, AFFINE_SQUARE, AFFINE_IMAGES, TEMPORAL, TEMPORAL_SQUARE, MAXOUT, TWO_LAYER, RESIDUAL, BRANCHES,
         SIAMESE, TIED, HIGHWAY]  # fmt: skip
