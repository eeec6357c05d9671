"""Correct embeddings and layers whose weights are masked, noisy, normalised or made by a network."""

import numpy as np

from tests.gradcheck.planted_families.case import normal
from tests.gradcheck.planted_families.unseen_right_networks import dense


def weighted_bag_forward(index, weight, table):
    rows = table[index]
    return np.einsum("nl,nld->nd", weight, rows), (index, weight, table, rows)


def weighted_bag_backward(dout, cache):
    index, weight, table, rows = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, index, weight[:, :, None] * dout[:, None])
    return np.einsum("nd,nld->nl", dout, rows), dtable


def mean_bag_forward(index, table):
    """The mean vector of the words that are not 0."""
    real = index != 0
    count = np.maximum(real.sum(axis=1), 1)
    return (table[index] * real[:, :, None]).sum(axis=1) / count[:, None], (index, table, real, count)


def mean_bag_backward(dout, cache):
    index, table, real, count = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, index, real[:, :, None] * (dout / count[:, None])[:, None])
    return dtable


def typed_embedding_forward(words, types, table, kinds):
    return table[words] + kinds[types], (words, types, table, kinds)


def typed_embedding_backward(dout, cache):
    words, types, table, kinds = cache
    dtable, dkinds = np.zeros_like(table), np.zeros_like(kinds)
    np.add.at(dtable, words, dout)
    np.add.at(dkinds, types, dout)
    return dtable, dkinds


def dropconnect_forward(x, w, b, mask, keep=0.7):
    return x @ (w * mask) / keep + b, (x, w, mask, keep)


def dropconnect_backward(dout, cache):
    x, w, mask, keep = cache
    return dout @ (w * mask).T / keep, x.T @ dout * mask / keep, dout.sum(axis=0)


def weight_norm_forward(x, v, g):
    """x w, where column m of w has the direction of v[:, m] and the length g[m]."""
    length = np.sqrt((v**2).sum(axis=0))
    w = v * (g / length)
    return x @ w, (x, v, g, length, w)


def weight_norm_backward(dout, cache):
    x, v, g, length, w = cache
    dw = x.T @ dout
    along = (dw * v).sum(axis=0) / length
    return dout @ w.T, g / length * (dw - v * along / length), along


def outer_layer_forward(x, y, w):
    """All products x_i y_j, flattened, times w."""
    pairs = (x[:, :, None] * y[:, None]).reshape(len(x), -1)
    return pairs @ w, (x, y, w, pairs)


def outer_layer_backward(dout, cache):
    x, y, w, pairs = cache
    dpairs = (dout @ w.T).reshape(len(x), x.shape[1], y.shape[1])
    return np.einsum("nij,nj->ni", dpairs, y), np.einsum("nij,ni->nj", dpairs, x), pairs.T @ dout


def random_depth_forward(x, w, alive, keep=0.8):
    """A residual branch that some examples skip."""
    scores = x @ w
    return x + alive[:, None] * np.maximum(scores, 0) / keep, (x, w, alive, keep, scores)


def random_depth_backward(dout, cache):
    x, w, alive, keep, scores = cache
    dscores = dout * alive[:, None] * (scores > 0) / keep
    return dout + dscores @ w.T, x.T @ dscores


def noisy_affine_forward(x, w, sigma, noise):
    noisy = w + sigma * noise
    return x @ noisy, (x, w, sigma, noise, noisy)


def noisy_affine_backward(dout, cache):
    x, w, sigma, noise, noisy = cache
    dw = x.T @ dout
    return dout @ noisy.T, dw, dw * noise


def hyper_forward(x, z, h):
    """Each example has its own weights (z h), reshaped to (D, M)."""
    w = (z @ h).reshape(len(x), x.shape[1], -1)
    return np.einsum("nd,ndm->nm", x, w), (x, z, h, w)


def hyper_backward(dout, cache):
    x, z, h, w = cache
    flat = (x[:, :, None] * dout[:, None]).reshape(len(x), -1)
    return np.einsum("nm,ndm->nd", dout, w), flat @ h.T, z.T @ flat


def layer_scale_forward(x, w, s):
    """x + s tanh(x w): a branch that starts with tiny scales s (D,)."""
    branch = np.tanh(x @ w)
    return x + s * branch, (x, w, s, branch)


def layer_scale_backward(dout, cache):
    x, w, s, branch = cache
    dscores = dout * s * (1 - branch**2)
    return dout + dscores @ w.T, x.T @ dscores, (dout * branch).sum(axis=0)


def draw_bag(rng):
    return rng.integers(0, 4, (4, 5)), rng.normal(size=(4, 5)), rng.normal(size=(6, 3))


def draw_mean_bag(rng):
    index = rng.integers(1, 5, (4, 5))
    index[:3, 3:], index[0, 1:] = 0, 0
    return index, rng.normal(size=(6, 3))


def draw_typed(rng):
    return rng.integers(0, 4, (3, 4)), rng.integers(0, 2, (3, 4)), rng.normal(size=(6, 3)), rng.normal(size=(2, 3))


def draw_dropconnect(rng):
    return (*normal((5, 4), (4, 3), (3,))(rng), rng.permutation(12).reshape(4, 3) < 8)


def draw_depth(rng):
    return (*normal((5, 4), (4, 4))(rng), rng.permutation(5) < 3)


BAG = dense(
    "weighted bag of words, again", "embedding", weighted_bag_forward, weighted_bag_backward, inputs=draw_bag
)
MEAN_BAG = dense("mean bag of words", "embedding", mean_bag_forward, mean_bag_backward, inputs=draw_mean_bag)
TYPED = dense(
    "embedding of words and types",
    "embedding",
    typed_embedding_forward,
    typed_embedding_backward,
    inputs=draw_typed,
)
NOISY = dense(
    "noisy affine",
    "affine",
    noisy_affine_forward,
    noisy_affine_backward,
    (5, 4),
    (4, 3),
    (4, 3),
    (4, 3),
    wrt=(0, 1, 2),
)
HYPER = dense("hypernetwork", "bilinear", hyper_forward, hyper_backward, (4, 3), (4, 2), (2, 9))
DROPCONNECT = dense("dropconnect", "dropout", dropconnect_forward, dropconnect_backward, inputs=draw_dropconnect)
OUTER_LAYER = dense(
    "layer of outer products", "bilinear", outer_layer_forward, outer_layer_backward, (5, 3), (5, 3), (9, 4)
)
WEIGHT_NORM = dense(
    "weight normalisation", "norm", weight_norm_forward, weight_norm_backward, (5, 4), (4, 3), (3,)
)
DEPTH = dense("stochastic depth", "residual", random_depth_forward, random_depth_backward, inputs=draw_depth)
LAYER_SCALE = dense(
    "branch of tiny scale",
    "residual",
    layer_scale_forward,
    layer_scale_backward,
    inputs=lambda rng: (*rng.normal(size=(2, 4, 4)), 0.003 * rng.uniform(0.5, 1.5, 4)),
)

UNSEEN_RIGHT_EMBEDDINGS = [BAG, MEAN_BAG, TYPED, NOISY, HYPER, DROPCONNECT, OUTER_LAYER, WEIGHT_NORM,
                           DEPTH, LAYER_SCALE]  # fmt: skip
