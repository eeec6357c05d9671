"""Correct layers of sequences (N, T, D): embedding, recurrent networks and attention."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def embedding_forward(x, w):
    """x: whole numbers of any shape, w: (V, D)."""
    return w[x], (x, w)


def embedding_backward(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, x, dout)
    return dw


def draw_embedding(rng):
    return rng.integers(0, 5, (3, 4)), rng.normal(size=(6, 3))


def draw_padded(rng):
    x, w = draw_embedding(rng)
    x[0, 2:] = 0
    return x, w


def padded_embedding_forward(x, w):
    """Index 0 stands for no word: its vector is zero whatever w[0] is."""
    return w[x] * (x != 0)[..., None], (x, w)


def padded_embedding_backward(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, x, dout * (x != 0)[..., None])
    return dw


def positions_forward(x, places):
    """Add a vector for each place in time: x (N, T, D), places (T, D)."""
    return x + places, None


def positions_backward(dout, _):
    return dout.copy(), dout.sum(axis=0)


def rnn_step_forward(x, h, wx, wh, b):
    out = np.tanh(x @ wx + h @ wh + b)
    return out, (x, h, wx, wh, out)


def rnn_step_backward(dout, cache):
    x, h, wx, wh, out = cache
    dz = dout * (1 - out**2)
    return dz @ wx.T, dz @ wh.T, x.T @ dz, h.T @ dz, dz.sum(axis=0)


def rnn_forward(x, h0, wx, wh, b):
    """x: (N, T, D). Returns every state, (N, T, H)."""
    hs = [h0]
    for t in range(x.shape[1]):
        hs.append(np.tanh(x[:, t] @ wx + hs[-1] @ wh + b))
    return np.stack(hs[1:], axis=1), (x, hs, wx, wh)


def rnn_backward(dout, cache):
    x, hs, wx, wh = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), 0
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dz = (dout[:, t] + dh) * (1 - hs[t + 1] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t].T @ dz
        db = db + dz.sum(axis=0)
        dh = dz @ wh.T
    return dx, dh, dwx, dwh, db


def gates_of(x, h, wx, wh, b):
    """The four gates of an LSTM: input, forget, output and the new content."""
    i, f, o, g = np.split(x @ wx + h @ wh + b, 4, axis=1)
    return sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)


def dscores_of(di, df, do, dg, gates):
    """The gradient of the scores from the gradients of the gates."""
    i, f, o, g = gates
    return np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)], axis=1)


def lstm_step_forward(x, h, c, wx, wh, b):
    """Returns the next h and c side by side, (N, 2 H)."""
    i, f, o, g = gates = gates_of(x, h, wx, wh, b)
    c_next = f * c + i * g
    h_next = o * np.tanh(c_next)
    return np.concatenate([h_next, c_next], axis=1), (x, h, c, wx, wh, gates, c_next)


def lstm_step_backward(dout, cache):
    x, h, c, wx, wh, gates, c_next = cache
    i, f, o, g = gates
    dh_next, dc_next = np.split(dout, 2, axis=1)
    bend = np.tanh(c_next)
    dc = dc_next + dh_next * o * (1 - bend**2)
    dz = dscores_of(dc * g, dc * c, dh_next * bend, dc * i, gates)
    return dz @ wx.T, dz @ wh.T, dc * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)


def lstm_forward(x, h0, wx, wh, b):
    """x: (N, T, D). Starts with c = 0 and returns every h, (N, T, H)."""
    h, c, steps, hs = h0, np.zeros_like(h0), [], []
    for t in range(x.shape[1]):
        i, f, o, g = gates = gates_of(x[:, t], h, wx, wh, b)
        c_next = f * c + i * g
        steps.append((x[:, t], h, c, gates, c_next))
        h, c = o * np.tanh(c_next), c_next
        hs.append(h)
    return np.stack(hs, axis=1), (steps, wx, wh)


def lstm_backward(dout, cache):
    steps, wx, wh = cache
    dxs, dwx, dwh, db = [], np.zeros_like(wx), np.zeros_like(wh), 0
    dh = dc = np.zeros_like(dout[:, 0])
    for t in reversed(range(len(steps))):
        x, h, c, gates, c_next = steps[t]
        i, f, o, g = gates
        dh, bend = dout[:, t] + dh, np.tanh(c_next)
        dc = dc + dh * o * (1 - bend**2)
        dz = dscores_of(dc * g, dc * c, dh * bend, dc * i, gates)
        dxs.insert(0, dz @ wx.T)
        dwx += x.T @ dz
        dwh += h.T @ dz
        db = db + dz.sum(axis=0)
        dh, dc = dz @ wh.T, dc * f
    return np.stack(dxs, axis=1), dh, dwx, dwh, db


def gru_step_forward(x, h, wx, wh, b):
    """out = z * h + (1 - z) * n with the gates z and r and the new content n = tanh(.. + r * (h wh))."""
    xz, xr, xn = np.split(x @ wx + b, 3, axis=1)
    hz, hr, hn = np.split(h @ wh, 3, axis=1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    n = np.tanh(xn + r * hn)
    return z * h + (1 - z) * n, (x, h, wx, wh, z, r, n, hn)


def gru_step_backward(dout, cache):
    x, h, wx, wh, z, r, n, hn = cache
    dn = dout * (1 - z) * (1 - n**2)
    dz = dout * (h - n) * z * (1 - z)
    dr = dn * hn * r * (1 - r)
    dxs, dhs = np.concatenate([dz, dr, dn], axis=1), np.concatenate([dz, dr, dn * r], axis=1)
    return dxs @ wx.T, dhs @ wh.T + dout * z, x.T @ dxs, h.T @ dhs, dxs.sum(axis=0)


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention_forward(q, k, v, causal=False):
    """softmax(q k^T / sqrt(D)) v; q: (N, T, D), k: (N, S, D), v: (N, S, M). `causal`: no look ahead."""
    scale = 1 / np.sqrt(q.shape[2])
    scores = q @ k.swapaxes(1, 2) * scale
    if causal:
        scores = np.where(np.tri(*scores.shape[1:]) > 0, scores, -np.inf)
    weights = softmax(scores)
    return weights @ v, (q, k, v, scores, weights, scale)


def attention_backward(dout, cache):
    q, k, v, scores, weights, scale = cache
    dv = weights.swapaxes(1, 2) @ dout
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True)) * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, dv


def self_attention_forward(x, wq, wk, wv):
    out, cache = attention_forward(x @ wq, x @ wk, x @ wv)
    return out, (x, wq, wk, wv, cache)


def self_attention_backward(dout, cache):
    x, wq, wk, wv, inner = cache
    douts = attention_backward(dout, inner)
    dx = sum(d @ w.T for d, w in zip(douts, (wq, wk, wv)))
    return dx, *(np.einsum("ntd,ntm->dm", x, d) for d in douts)


def masked_mean_forward(x, mask):
    """The mean over the words of each sentence; mask (N, T) tells words from padding."""
    return (x * mask[..., None]).sum(axis=1) / mask.sum(axis=1)[:, None], (x, mask)


def masked_mean_backward(dout, cache):
    x, mask = cache
    return (dout / mask.sum(axis=1)[:, None])[:, None] * mask[..., None]


def draw_sentences(rng):
    return rng.normal(size=(3, 5, 2)), np.arange(5) < rng.integers(2, 5, 3)[:, None]


EMBEDDING = Planted("embedding", "embedding", embedding_forward, embedding_backward, draw_embedding)
PADDED_EMBEDDING = Planted(
    "embedding with padding", "embedding", padded_embedding_forward, padded_embedding_backward, draw_padded
)
POSITIONS = Planted("positions", "embedding", positions_forward, positions_backward, normal((3, 4, 2), (4, 2)))
RNN_STEP = Planted(
    "RNN step", "rnn", rnn_step_forward, rnn_step_backward, normal((4, 3), (4, 5), (3, 5), (5, 5), (5,))
)
RNN_STEP_SQUARE = Planted(
    "RNN step, D = H",
    "rnn",
    rnn_step_forward,
    rnn_step_backward,
    normal((3, 4), (3, 4), (4, 4), (4, 4), (4,), scale=0.7),
)
RNN = Planted("RNN", "rnn", rnn_forward, rnn_backward, normal((2, 4, 3), (2, 4), (3, 4), (4, 4), (4,), scale=0.7))
LSTM_STEP = Planted(
    "LSTM step",
    "lstm",
    lstm_step_forward,
    lstm_step_backward,
    normal((3, 2), (3, 3), (3, 3), (2, 12), (3, 12), (12,)),
)
LSTM = Planted("LSTM", "lstm", lstm_forward, lstm_backward, normal((2, 4, 3), (2, 3), (3, 12), (3, 12), (12,)))
GRU_STEP = Planted(
    "GRU step", "gru", gru_step_forward, gru_step_backward, normal((4, 3), (4, 3), (3, 9), (3, 9), (9,))
)
ATTENTION = Planted(
    "attention", "attention", attention_forward, attention_backward, normal((2, 3, 4), (2, 5, 4), (2, 5, 3))
)
ATTENTION_SQUARE = Planted(
    "attention, S = T", "attention", attention_forward, attention_backward, normal((2, 4, 3), (2, 4, 3), (2, 4, 3))
)
CAUSAL_ATTENTION = Planted(
    "causal attention",
    "attention",
    attention_forward,
    attention_backward,
    normal((2, 4, 3), (2, 4, 3), (2, 4, 2)),
    options={"causal": True},
)
SELF_ATTENTION = Planted(
    "self-attention",
    "attention",
    self_attention_forward,
    self_attention_backward,
    normal((2, 3, 4), (4, 3), (4, 3), (4, 2)),
)
MASKED_MEAN = Planted("mean over words", "reduction", masked_mean_forward, masked_mean_backward, draw_sentences)

SEQUENCES = [EMBEDDING, PADDED_EMBEDDING, POSITIONS, RNN_STEP, RNN_STEP_SQUARE, RNN, LSTM_STEP, LSTM, GRU_STEP,
             ATTENTION, ATTENTION_SQUARE, CAUSAL_ATTENTION, SELF_ATTENTION, MASKED_MEAN]  # fmt: skip
