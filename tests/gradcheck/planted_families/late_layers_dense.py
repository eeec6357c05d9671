"""More correct dense layers, embeddings and small networks: low rank, experts, gates and residual blocks."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.late_layers_activations import sigmoid


def output_rows_forward(x, w, b):
    """An affine layer with weights (M, D), one row for each output."""
    return x @ w.T + b, (x, w, b)


def output_rows_backward(dout, cache):
    x, w, b = cache
    return dout @ w, dout.T @ x, dout.sum(axis=0)


def low_rank_forward(x, w, a, b, scale=0.5):
    """x (w + scale a b): a layer with an adapter of low rank."""
    inner = x @ a
    return x @ w + scale * inner @ b, (x, w, a, b, inner, scale)


def low_rank_backward(dout, cache):
    x, w, a, b, inner, scale = cache
    dinner = scale * dout @ b.T
    return dout @ w.T + dinner @ a.T, x.T @ dout, x.T @ dinner, scale * inner.T @ dout


def three_tanh_forward(x, w1, w2, w3):
    h1 = np.tanh(x @ w1)
    h2 = np.tanh(h1 @ w2)
    return h2 @ w3, (x, w1, w2, w3, h1, h2)


def three_tanh_backward(dout, cache):
    x, w1, w2, w3, h1, h2 = cache
    d2 = dout @ w3.T * (1 - h2**2)
    d1 = d2 @ w2.T * (1 - h1**2)
    return d1 @ w1.T, x.T @ d1, h1.T @ d2, h2.T @ dout


def scaled_residual_forward(x, w1, w2, alpha):
    """x + alpha * (tanh(x w1) w2); alpha: (D,)."""
    hidden = np.tanh(x @ w1)
    branch = hidden @ w2
    return x + alpha * branch, (x, w1, w2, alpha, hidden, branch)


def scaled_residual_backward(dout, cache):
    x, w1, w2, alpha, hidden, branch = cache
    dbranch = dout * alpha
    dscores = dbranch @ w2.T * (1 - hidden**2)
    return dout + dscores @ w1.T, x.T @ dscores, hidden.T @ dbranch, (dout * branch).sum(axis=0)


def pre_norm_forward(x, w1, w2, eps=1e-5):
    """x + relu(standardised rows of x, w1) w2."""
    centred = x - x.mean(axis=1, keepdims=True)
    std = np.sqrt((centred**2).mean(axis=1, keepdims=True) + eps)
    x_hat = centred / std
    hidden = np.maximum(x_hat @ w1, 0)
    return x + hidden @ w2, (x, x_hat, std, w1, w2, hidden)


def pre_norm_backward(dout, cache):
    x, x_hat, std, w1, w2, hidden = cache
    dhidden = dout @ w2.T * (hidden > 0)
    dx_hat = dhidden @ w1.T
    mean, spread = dx_hat.mean(axis=1, keepdims=True), (dx_hat * x_hat).mean(axis=1, keepdims=True)
    return dout + (dx_hat - mean - x_hat * spread) / std, x_hat.T @ dhidden, hidden.T @ dout


def projected_residual_forward(x, w1, w2, ws):
    """relu(x w1) w2 + x ws."""
    hidden = np.maximum(x @ w1, 0)
    return hidden @ w2 + x @ ws, (x, w1, w2, ws, hidden)


def projected_residual_backward(dout, cache):
    x, w1, w2, ws, hidden = cache
    dhidden = dout @ w2.T * (hidden > 0)
    return dhidden @ w1.T + dout @ ws.T, x.T @ dhidden, hidden.T @ dout, x.T @ dout


def shared_blocks_forward(x, w, b):
    """Two residual blocks with the same weights."""
    t1 = np.tanh(x @ w + b)
    middle = x + t1
    t2 = np.tanh(middle @ w + b)
    return middle + t2, (x, w, t1, middle, t2)


def shared_blocks_backward(dout, cache):
    x, w, t1, middle, t2 = cache
    d2 = dout * (1 - t2**2)
    dmiddle = dout + d2 @ w.T
    d1 = dmiddle * (1 - t1**2)
    return dmiddle + d1 @ w.T, x.T @ d1 + middle.T @ d2, d1.sum(axis=0) + d2.sum(axis=0)


def dropped_network_forward(x, w1, w2, mask, keep=0.7):
    scores = x @ w1
    hidden = np.maximum(scores, 0) * mask / keep
    return hidden @ w2, (x, w1, w2, mask, scores, hidden, keep)


def dropped_network_backward(dout, cache):
    x, w1, w2, mask, scores, hidden, keep = cache
    dscores = dout @ w2.T * mask / keep * (scores > 0)
    return dscores @ w1.T, x.T @ dscores, hidden.T @ dout


def draw_dropped(rng):
    return *normal((5, 4), (4, 6), (6, 3))(rng), rng.random((5, 6)) < 0.7


def pair_layer_forward(x, y, w, b):
    """out[n, k] = x[n] w[k] y[n]^T + b[k]."""
    return np.einsum("ni,kij,nj->nk", x, w, y) + b, (x, y, w)


def pair_layer_backward(dout, cache):
    x, y, w = cache
    dx, dy = np.einsum("nk,kij,nj->ni", dout, w, y), np.einsum("nk,kij,ni->nj", dout, w, x)
    return dx, dy, np.einsum("nk,ni,nj->kij", dout, x, y), dout.sum(axis=0)


def experts_forward(x, v, w):
    """The experts tanh(x w[k]), weighed by softmax(x v); v: (D, K), w: (K, D, M)."""
    scores = x @ v
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    gate = e / e.sum(axis=1, keepdims=True)
    each = np.tanh(np.einsum("nd,kdm->nkm", x, w))
    return (gate[:, :, None] * each).sum(axis=1), (x, v, w, gate, each)


def experts_backward(dout, cache):
    x, v, w, gate, each = cache
    dgate = (dout[:, None] * each).sum(axis=2)
    dscores = gate * (dgate - (dgate * gate).sum(axis=1, keepdims=True))
    dinner = dout[:, None] * gate[:, :, None] * (1 - each**2)
    dx = dscores @ v.T + np.einsum("nkm,kdm->nd", dinner, w)
    return dx, x.T @ dscores, np.einsum("nd,nkm->kdm", x, dinner)


def factorised_forward(x, w, v):
    """A factorisation machine; x: (N, D), w: (D,), v: (D, K)."""
    s = x @ v
    return x @ w + 0.5 * (s**2 - x**2 @ v**2).sum(axis=1), (x, w, v, s)


def factorised_backward(dout, cache):
    x, w, v, s = cache
    d = dout[:, None]
    dx = d * (w + s @ v.T - x * (v**2).sum(axis=1))
    return dx, x.T @ dout, x.T @ (d * s) - v * ((x**2).T @ d)


def bag_forward(index, w):
    """The mean of the vectors of the words of each row."""
    return w[index].mean(axis=1), (index, w)


def bag_backward(dout, cache):
    index, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, index, dout[:, None] / index.shape[1])
    return dw


def weighted_bag_forward(index, s, w):
    """The words' vectors (V, D), weighed by s (N, T) and summed."""
    vectors = w[index]
    return (s[:, :, None] * vectors).sum(axis=1), (index, s, w, vectors)


def weighted_bag_backward(dout, cache):
    index, s, w, vectors = cache
    dw = np.zeros_like(w)
    np.add.at(dw, index, s[:, :, None] * dout[:, None])
    return (dout[:, None] * vectors).sum(axis=2), dw


def tied_words_forward(index, w):
    """Scores of all words from one word: tanh(w[index]) w^T."""
    hidden = np.tanh(w[index])
    return hidden @ w.T, (index, w, hidden)


def tied_words_backward(dout, cache):
    index, w, hidden = cache
    dw = dout.T @ hidden
    np.add.at(dw, index, dout @ w * (1 - hidden**2))
    return dw


def radial_forward(x, c, log_width):
    """out[n, m] = exp(-exp(log_width[m]) |x[n] - c[m]|**2)."""
    difference = x[:, None] - c
    square = (difference**2).sum(axis=2)
    out = np.exp(-np.exp(log_width) * square)
    return out, (difference, square, np.exp(log_width), out)


def radial_backward(dout, cache):
    difference, square, width, out = cache
    dsquare = -dout * out * width
    ddifference = 2 * dsquare[:, :, None] * difference
    return ddifference.sum(axis=1), -ddifference.sum(axis=0), (dsquare * square).sum(axis=0)


def grouped_affine_forward(x, w, b):
    """x: (N, G, D), w: (G, D, M), b: (G, M)."""
    return np.einsum("ngd,gdm->ngm", x, w) + b, (x, w)


def grouped_affine_backward(dout, cache):
    x, w = cache
    return np.einsum("ngm,gdm->ngd", dout, w), np.einsum("ngd,ngm->gdm", x, dout), dout.sum(axis=0)


def film_forward(x, c, wg, wb):
    """x (1 + c wg) + c wb: features changed by a condition."""
    gain = 1 + c @ wg
    return x * gain + c @ wb, (x, c, wg, wb, gain)


def film_backward(dout, cache):
    x, c, wg, wb, gain = cache
    dgain = dout * x
    return dout * gain, dgain @ wg.T + dout @ wb.T, c.T @ dgain, c.T @ dout


def excite_forward(x, w1, w2):
    """x * sigmoid(relu(x w1) w2)."""
    hidden = np.maximum(x @ w1, 0)
    gate = sigmoid(hidden @ w2)
    return x * gate, (x, w1, w2, hidden, gate)


def excite_backward(dout, cache):
    x, w1, w2, hidden, gate = cache
    dscores = dout * x * gate * (1 - gate)
    dhidden = dscores @ w2.T * (hidden > 0)
    return dout * gate + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dscores


def cross_layer_forward(x0, x, w, b):
    """Deep and cross: x0 (x . w) + b + x; w, b: (D,)."""
    s = x @ w
    return x0 * s[:, None] + b + x, (x0, x, w, s)


def cross_layer_backward(dout, cache):
    x0, x, w, s = cache
    ds = (dout * x0).sum(axis=1)
    return dout * s[:, None], ds[:, None] * w + dout, x.T @ ds, dout.sum(axis=0)


def swish_unit_forward(x, w, v, u):
    """(swish(x w) * (x v)) u."""
    a, value = x @ w, x @ v
    gate = sigmoid(a)
    product = a * gate * value
    return product @ u, (x, w, v, u, a, value, gate, product)


def swish_unit_backward(dout, cache):
    x, w, v, u, a, value, gate, product = cache
    dproduct = dout @ u.T
    da = dproduct * value * (gate + a * gate * (1 - gate))
    dvalue = dproduct * a * gate
    return da @ w.T + dvalue @ v.T, x.T @ da, x.T @ dvalue, product.T @ dout


def pair(name, family, stem, inputs, **more):
    return Planted(name, family, globals()[f"{stem}_forward"], globals()[f"{stem}_backward"], inputs, **more)


def draw_bag(rng):
    return rng.integers(0, 5, (4, 6)), rng.normal(size=(6, 3))


def draw_weighted_bag(rng):
    return rng.integers(0, 5, (4, 6)), rng.normal(size=(4, 6)), rng.normal(size=(6, 3))


OUTPUT_ROWS = pair("affine with a row for each output", "affine", "output_rows", normal((5, 4), (4, 4), (4,)))
LOW_RANK = pair("adapter of low rank", "affine", "low_rank", normal((5, 4), (4, 4), (4, 2), (2, 4)))
THREE_TANH = pair("three layers of tanh", "network", "three_tanh", normal((5, 4), (4, 4), (4, 4), (4, 3)))
SCALED_RESIDUAL = pair(
    "residual branch with learned scale", "residual", "scaled_residual", normal((4, 5), (5, 5), (5, 5), (5,))
)
PRE_NORM = pair("residual block, normalised first", "residual", "pre_norm", normal((4, 5), (5, 6), (6, 5)))
PROJECTED = pair(
    "residual block with a projection", "residual", "projected_residual", normal((5, 4), (4, 6), (6, 3), (4, 3))
)
SHARED_BLOCKS = pair("two blocks of shared weights", "residual", "shared_blocks", normal((4, 4), (4, 4), (4,)))
DROPPED = pair("network with dropped units", "network", "dropped_network", draw_dropped)
PAIR_LAYER = pair("bilinear layer of pairs", "bilinear", "pair_layer", normal((5, 3), (5, 3), (2, 3, 3), (2,)))
EXPERTS = pair("mixture of dense experts", "network", "experts", normal((4, 3), (3, 3), (3, 3, 4)))
FACTORISED = pair("factorisation machine", "network", "factorised", normal((5, 4), (4,), (4, 3)))
BAG = pair("mean bag of words", "embedding", "bag", draw_bag)
WEIGHTED_BAG = pair("weighted bag of words", "embedding", "weighted_bag", draw_weighted_bag)
TIED_WORDS = pair(
    "tied word scores", "embedding", "tied_words", lambda rng: (rng.integers(0, 4, 7), rng.normal(size=(5, 3)))
)
RADIAL = pair("radial basis layer", "norm", "radial", normal((5, 3), (4, 3), (4,), scale=0.6))
GROUPED = pair("affine in groups", "affine", "grouped_affine", normal((3, 3, 4), (3, 4, 4), (3, 4)))
FILM = pair("features under a condition", "product", "film", normal((5, 4), (5, 3), (3, 4), (3, 4)))
EXCITE = pair("excitation gate of features", "residual", "excite", normal((5, 4), (4, 4), (4, 4)))
CROSS = pair("cross layer", "residual", "cross_layer", normal((5, 4), (5, 4), (4,), (4,)))
SWISH_UNIT = pair("swish-gated unit", "network", "swish_unit", normal((4, 3), (3, 5), (3, 5), (5, 3)))

LATE_LAYERS_DENSE = [OUTPUT_ROWS, LOW_RANK, THREE_TANH, SCALED_RESIDUAL, PRE_NORM, PROJECTED, SHARED_BLOCKS,
                     DROPPED, PAIR_LAYER, EXPERTS, FACTORISED, BAG, WEIGHTED_BAG, TIED_WORDS, RADIAL, GROUPED,
                     FILM, EXCITE, CROSS, SWISH_UNIT]  # fmt: skip
