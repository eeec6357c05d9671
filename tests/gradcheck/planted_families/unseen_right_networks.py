"""Correct dense layers, gates, mixtures of experts and small networks that no other file has."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def out_in_affine_forward(w, b, x):
    """w: (M, D), as PyTorch keeps it; x: (N, D)."""
    return x @ w.T + b, (w, b, x)


def out_in_affine_backward(dout, cache):
    w, b, x = cache
    return dout.T @ x, dout.sum(axis=0), dout @ w


def low_rank_forward(x, u, v, b):
    code = x @ u
    return code @ v + b, (x, u, v, code)


def low_rank_backward(dout, cache):
    x, u, v, code = cache
    dcode = dout @ v.T
    return dcode @ u.T, x.T @ dcode, code.T @ dout, dout.sum(axis=0)


def grouped_forward(x, w, b):
    """Each group of features has its own weights: x (N, G, D), w (G, D, M), b (G, M)."""
    return np.einsum("ngd,gdm->ngm", x, w) + b, (x, w)


def grouped_backward(dout, cache):
    x, w = cache
    return np.einsum("ngm,gdm->ngd", dout, w), np.einsum("ngd,ngm->gdm", x, dout), dout.sum(axis=0)


def experts_forward(x, v, w):
    """A softmax of x v weighs the answers of E experts: v (D, E), w (E, D, M)."""
    gate = softmax(x @ v)
    answers = np.einsum("nd,edm->nem", x, w)
    return np.einsum("ne,nem->nm", gate, answers), (x, v, w, gate, answers)


def experts_backward(dout, cache):
    x, v, w, gate, answers = cache
    dgate = np.einsum("nm,nem->ne", dout, answers)
    dscores = gate * (dgate - (dgate * gate).sum(axis=1, keepdims=True))
    danswers = gate[:, :, None] * dout[:, None]
    dx = dscores @ v.T + np.einsum("nem,edm->nd", danswers, w)
    return dx, x.T @ dscores, np.einsum("nd,nem->edm", x, danswers)


def switch_forward(x, v, w):
    """Only the expert of the highest gate answers, times its gate."""
    gate = softmax(x @ v)
    chosen = gate.argmax(axis=1)
    weight = gate[np.arange(len(x)), chosen]
    answers = np.einsum("nd,ndm->nm", x, w[chosen])
    return weight[:, None] * answers, (x, v, w, gate, chosen, answers)


def switch_backward(dout, cache):
    x, v, w, gate, chosen, answers = cache
    rows = np.arange(len(x))
    dgate = np.zeros_like(gate)
    dgate[rows, chosen] = (dout * answers).sum(axis=1)
    dscores = gate * (dgate - (dgate * gate).sum(axis=1, keepdims=True))
    danswers = gate[rows, chosen][:, None] * dout
    dw = np.zeros_like(w)
    np.add.at(dw, chosen, x[:, :, None] * danswers[:, None])
    return dscores @ v.T + np.einsum("nm,ndm->nd", danswers, w[chosen]), x.T @ dscores, dw


def film_forward(x, c, w, v):
    """A condition c scales and shifts the features: x (1 + c w) + c v."""
    scale = 1 + c @ w
    return x * scale + c @ v, (x, c, w, v, scale)


def film_backward(dout, cache):
    x, c, w, v, scale = cache
    dscale = dout * x
    return dout * scale, dscale @ w.T + dout @ v.T, c.T @ dscale, c.T @ dout


def self_gate_forward(x, w1, w2):
    """x times a gate computed from x by a small network."""
    hidden = np.maximum(x @ w1, 0)
    gate = sigmoid(hidden @ w2)
    return x * gate, (x, w1, w2, hidden, gate)


def self_gate_backward(dout, cache):
    x, w1, w2, hidden, gate = cache
    dscores = dout * x * gate * (1 - gate)
    dhidden = dscores @ w2.T * (hidden > 0)
    return dout * gate + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dscores


def swiglu_forward(x, w, v, u):
    """(swish(x w) * (x v)) u."""
    a, b = x @ w, x @ v
    gate = sigmoid(a)
    hidden = a * gate * b
    return hidden @ u, (x, w, v, u, a, b, gate, hidden)


def swiglu_backward(dout, cache):
    x, w, v, u, a, b, gate, hidden = cache
    dhidden = dout @ u.T
    da = dhidden * b * (gate + a * gate * (1 - gate))
    db = dhidden * a * gate
    return da @ w.T + db @ v.T, x.T @ da, x.T @ db, hidden.T @ dout


def cross_forward(start, x, w, b):
    """start times the number x w, plus b, plus x: w (D,), b (D,)."""
    score = x @ w
    return start * score[:, None] + b + x, (start, x, w, score)


def cross_backward(dout, cache):
    start, x, w, score = cache
    dscore = (dout * start).sum(axis=1)
    return dout * score[:, None], dout + dscore[:, None] * w, x.T @ dscore, dout.sum(axis=0)


def machine_forward(x, w, v):
    """A factorisation machine: x w + the sum over pairs i < j of x_i x_j v_i v_j."""
    mixed = x @ v
    return x @ w + 0.5 * (mixed**2 - x**2 @ v**2).sum(axis=1), (x, w, v, mixed)


def machine_backward(dout, cache):
    x, w, v, mixed = cache
    dmixed = dout[:, None] * mixed
    dx = dout[:, None] * (w - x * (v**2).sum(axis=1)) + dmixed @ v.T
    return dx, x.T @ dout, x.T @ dmixed - v * (x.T**2 @ dout)[:, None]


def radial_forward(x, centres, width):
    """out[n, k] = exp(-width[k] |x[n] - centres[k]|^2)."""
    difference = x[:, None] - centres
    distance = (difference**2).sum(axis=2)
    out = np.exp(-width * distance)
    return out, (difference, distance, width, out)


def radial_backward(dout, cache):
    difference, distance, width, out = cache
    dpower = -dout * out
    dx = 2 * (dpower * width)[:, :, None] * difference
    return dx.sum(axis=1), -dx.sum(axis=0), (dpower * distance).sum(axis=0)


def dense_block_forward(x, w1, w2):
    hidden = np.maximum(x @ w1, 0)
    wide = np.concatenate([x, hidden], axis=1)
    return wide @ w2, (x, w1, w2, hidden, wide)


def dense_block_backward(dout, cache):
    x, w1, w2, hidden, wide = cache
    dwide, D = dout @ w2.T, x.shape[1]
    dhidden = dwide[:, D:] * (hidden > 0)
    return dwide[:, :D] + dhidden @ w1.T, x.T @ dhidden, wide.T @ dout


def soft_split_forward(x, w, left, right):
    """A decision with a soft threshold between two answers."""
    p = sigmoid(x @ w)[:, None]
    return p * left + (1 - p) * right, (x, w, left, right, p)


def soft_split_backward(dout, cache):
    x, w, left, right, p = cache
    dscore = (dout * (left - right)).sum(axis=1) * p[:, 0] * (1 - p[:, 0])
    return dscore[:, None] * w, x.T @ dscore, (dout * p).sum(axis=0), (dout * (1 - p)).sum(axis=0)


def gated_update_forward(x, h, wz, uz, w):
    """(1 - z) h + z tanh(x w), with z = sigmoid(x wz + h uz)."""
    z, new = sigmoid(x @ wz + h @ uz), np.tanh(x @ w)
    return (1 - z) * h + z * new, (x, h, wz, uz, w, z, new)


def gated_update_backward(dout, cache):
    x, h, wz, uz, w, z, new = cache
    dz = dout * (new - h) * z * (1 - z)
    dnew = dout * z * (1 - new**2)
    return dz @ wz.T + dnew @ w.T, dout * (1 - z) + dz @ uz.T, x.T @ dz, h.T @ dz, x.T @ dnew


def feature_pairs_forward(x, w):
    """The products of all pairs i < j of features, times w."""
    i, j = np.triu_indices(x.shape[1], 1)
    pairs = x[:, i] * x[:, j]
    return pairs @ w, (x, w, i, j, pairs)


def feature_pairs_backward(dout, cache):
    x, w, i, j, pairs = cache
    dpairs, dx = dout @ w.T, np.zeros_like(x)
    np.add.at(dx, (slice(None), i), dpairs * x[:, j])
    np.add.at(dx, (slice(None), j), dpairs * x[:, i])
    return dx, pairs.T @ dout


def twice_forward(x, w):
    """The same layer tanh(. w) twice."""
    first = np.tanh(x @ w)
    second = np.tanh(first @ w)
    return second, (x, w, first, second)


def twice_backward(dout, cache):
    x, w, first, second = cache
    dsecond = dout * (1 - second**2)
    dfirst = dsecond @ w.T * (1 - first**2)
    return dfirst @ w.T, x.T @ dfirst + first.T @ dsecond


def draw_radial(rng):
    return 0.5 * rng.normal(size=(5, 3)), 0.5 * rng.normal(size=(4, 3)), rng.uniform(0.3, 1, 4)


def dense(name, family, forward, backward, *shapes, inputs=None, wrt=None):
    return Planted(name, family, forward, backward, inputs or normal(*shapes), wrt=wrt)


OUT_IN = dense(
    "affine, weights first", "affine", out_in_affine_forward, out_in_affine_backward, (4, 5), (4,), (6, 5)
)
OUT_IN_SQUARE = dense(
    "affine, weights first, square", "affine", out_in_affine_forward, out_in_affine_backward, (4, 4), (4,), (4, 4)
)
LOW_RANK = dense("affine of low rank", "affine", low_rank_forward, low_rank_backward, (5, 4), (4, 2), (2, 4), (4,))
GROUPED = dense("affine by groups", "affine", grouped_forward, grouped_backward, (4, 3, 3), (3, 3, 3), (3, 3))
EXPERTS = dense("mixture of experts, again", "gates", experts_forward, experts_backward, (5, 3), (3, 4), (4, 3, 3))
SWITCH = dense("switch of experts", "gates", switch_forward, switch_backward, (6, 3), (3, 3), (3, 3, 4))
FILM = dense(
    "scaled and shifted by a condition", "gates", film_forward, film_backward, (5, 4), (5, 3), (3, 4), (3, 4)
)
SELF_GATE = dense("self-gate", "gates", self_gate_forward, self_gate_backward, (5, 4), (4, 4), (4, 4))
SWIGLU = dense("swish-gated network", "gates", swiglu_forward, swiglu_backward, (5, 4), (4, 4), (4, 4), (4, 4))
CROSS = dense("cross layer", "residual", cross_forward, cross_backward, (5, 4), (5, 4), (4,), (4,))
MACHINE = dense("factorisation machine", "bilinear", machine_forward, machine_backward, (5, 4), (4,), (4, 3))
RADIAL = dense("radial units", "network", radial_forward, radial_backward, inputs=draw_radial)
DENSE_BLOCK = dense(
    "densely connected block", "concat", dense_block_forward, dense_block_backward, (5, 3), (3, 3), (6, 4)
)
SPLIT = dense("soft split", "gates", soft_split_forward, soft_split_backward, (6, 4), (4,), (3,), (3,))
UPDATE = dense(
    "gated update", "gates", gated_update_forward, gated_update_backward, (4, 3), (4, 3), (3, 3), (3, 3), (3, 3)
)
FEATURE_PAIRS = dense(
    "pairs of features", "bilinear", feature_pairs_forward, feature_pairs_backward, (5, 4), (6, 3)
)
TWICE = dense("the same layer twice", "network", twice_forward, twice_backward, (5, 4), (4, 4))

UNSEEN_RIGHT_NETWORKS = [OUT_IN, OUT_IN_SQUARE, LOW_RANK, GROUPED, EXPERTS, SWITCH, FILM, SELF_GATE, SWIGLU, CROSS,
                         MACHINE, RADIAL, DENSE_BLOCK, SPLIT, UPDATE, FEATURE_PAIRS, TWICE]  # fmt: skip
