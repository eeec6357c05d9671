"""Correct layers of sequences and images with masks, heads, two directions, causal filters and gates."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.sequences import (
    attention_backward,
    attention_forward,
    gru_step_backward,
    gru_step_forward,
    rnn_backward,
    rnn_forward,
    sigmoid,
    softmax,
)


def gru_forward(x, h0, wx, wh, b):
    """x: (N, T, D). Returns every state, (N, T, H)."""
    hs, caches = [h0], []
    for t in range(x.shape[1]):
        h, cache = gru_step_forward(x[:, t], hs[-1], wx, wh, b)
        hs.append(h)
        caches.append(cache)
    return np.stack(hs[1:], axis=1), caches


def gru_backward(dout, caches):
    dh, dxs, totals = 0, [], (0, 0, 0)
    for t in reversed(range(len(caches))):
        dx, dh, *parts = gru_step_backward(dout[:, t] + dh, caches[t])
        dxs.insert(0, dx)
        totals = tuple(total + part for total, part in zip(totals, parts))
    return np.stack(dxs, axis=1), dh, *totals


def padded_rnn_forward(x, h0, wx, wh, b, mask):
    """Where mask (N, T) is False, the state stays as it was."""
    hs, news = [h0], []
    for t in range(x.shape[1]):
        news.append(np.tanh(x[:, t] @ wx + hs[-1] @ wh + b))
        hs.append(np.where(mask[:, t, None], news[-1], hs[-1]))
    return np.stack(hs[1:], axis=1), (x, hs, news, wx, wh, mask)


def padded_rnn_backward(dout, cache):
    x, hs, news, wx, wh, mask = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), 0
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        here, dh = mask[:, t, None], dout[:, t] + dh
        dz = dh * here * (1 - news[t] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t].T @ dz
        db = db + dz.sum(axis=0)
        dh = dz @ wh.T + dh * ~here
    return dx, dh, dwx, dwh, db


def last_state_forward(x, h0, wx, wh, b):
    hs, cache = rnn_forward(x, h0, wx, wh, b)
    return hs[:, -1], cache


def last_state_backward(dout, cache):
    x = cache[0]
    dhs = np.zeros((*x.shape[:2], dout.shape[1]))
    dhs[:, -1] = dout
    return rnn_backward(dhs, cache)


def two_way_forward(x, wx, wh, b, vx, vh, c):
    """One RNN reads the words forwards, another one backwards; their states stand side by side."""
    start = np.zeros((len(x), len(wh)), x.dtype)
    there, first = rnn_forward(x, start, wx, wh, b)
    back, second = rnn_forward(x[:, ::-1], start, vx, vh, c)
    return np.concatenate([there, back[:, ::-1]], axis=2), (first, second)


def two_way_backward(dout, cache):
    dthere, dback = np.split(dout, 2, axis=2)
    dx, _, *dfirst = rnn_backward(dthere, cache[0])
    dx_back, _, *dsecond = rnn_backward(dback[:, ::-1], cache[1])
    return dx + dx_back[:, ::-1], *dfirst, *dsecond


def to_heads(x, heads):
    """(N, T, D) -> (N * heads, T, D / heads)."""
    N, T, D = x.shape
    return x.reshape(N, T, heads, D // heads).transpose(0, 2, 1, 3).reshape(N * heads, T, D // heads)


def from_heads(x, heads):
    """(N * heads, T, D / heads) -> (N, T, D)."""
    NH, T, D = x.shape
    return x.reshape(NH // heads, heads, T, D).transpose(0, 2, 1, 3).reshape(NH // heads, T, heads * D)


def multi_head_forward(x, wq, wk, wv, wo, heads=2):
    qkv = [to_heads(x @ w, heads) for w in (wq, wk, wv)]
    seen, inner = attention_forward(*qkv, causal=True)
    context = from_heads(seen, heads)
    return context @ wo, (x, (wq, wk, wv), wo, context, inner, heads)


def multi_head_backward(dout, cache):
    x, ws, wo, context, inner, heads = cache
    dqkv = [from_heads(d, heads) for d in attention_backward(to_heads(dout @ wo.T, heads), inner)]
    dx = sum(d @ w.T for d, w in zip(dqkv, ws))
    return dx, *(np.einsum("ntd,ntm->dm", x, d) for d in dqkv), np.einsum("ntd,ntm->dm", context, dout)


def padded_attention_forward(q, k, v, mask):
    """mask (N, S) tells words from padding among the keys."""
    scale = 1 / np.sqrt(q.shape[2])
    scores = np.where(mask[:, None], q @ k.swapaxes(1, 2) * scale, -np.inf)
    weights = softmax(scores)
    return weights @ v, (q, k, v, scores, weights, scale, mask)


def padded_attention_backward(dout, cache):
    return attention_backward(dout, cache[:-1])


def additive_attention_forward(q, k, wq, wk, v):
    """softmax(tanh(q wq + k wk) v) k; q: (N, T, D), k: (N, S, D), wq and wk: (D, A), v: (A,)."""
    hidden = np.tanh((q @ wq)[:, :, None] + (k @ wk)[:, None])
    weights = softmax(hidden @ v)
    return weights @ k, (q, k, wq, wk, v, hidden, weights)


def additive_attention_backward(dout, cache):
    q, k, wq, wk, v, hidden, weights = cache
    dweights = dout @ k.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True))
    dz = dscores[..., None] * v * (1 - hidden**2)
    dzq, dzk = dz.sum(axis=2), dz.sum(axis=1)
    dk = dzk @ wk.T + weights.swapaxes(1, 2) @ dout
    dwq, dwk = np.einsum("ntd,nta->da", q, dzq), np.einsum("nsd,nsa->da", k, dzk)
    return dzq @ wq.T, dk, dwq, dwk, np.einsum("nts,ntsa->a", dscores, hidden)


def turned(x, angles):
    """Turn each pair of a feature in the first half and one in the second half by the angle of its place."""
    a, b = np.split(x, 2, axis=2)
    return np.concatenate(
        [a * np.cos(angles) - b * np.sin(angles), a * np.sin(angles) + b * np.cos(angles)], axis=2
    )


def rotary_forward(x):
    """x: (N, T, D), D even."""
    angles = np.outer(np.arange(x.shape[1]), 0.1 ** np.arange(x.shape[2] // 2))
    return turned(x, angles), angles


def rotary_backward(dout, angles):
    return turned(dout, -angles)


def bag_forward(x, weights, w):
    """The weighted sum of each sentence's word vectors; x and weights: (N, T), w: (V, D)."""
    return (weights[..., None] * w[x]).sum(axis=1), (x, weights, w)


def bag_backward(dout, cache):
    x, weights, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, x, weights[..., None] * dout[:, None])
    return (w[x] * dout[:, None]).sum(axis=2), dw


def max_over_time_forward(x, mask):
    """The largest of each feature over the words that are no padding."""
    seen = np.where(mask[..., None], x, -np.inf)
    return seen.max(axis=1), (x, seen, mask)


def max_over_time_backward(dout, cache):
    x, seen, _ = cache
    dx = np.zeros_like(x)
    np.put_along_axis(dx, seen.argmax(axis=1)[:, None], dout[:, None], axis=1)
    return dx


def later(x, steps):
    """x (N, T, D) moved `steps` later in time, zeros before it."""
    out = np.zeros_like(x)
    out[:, steps:] = x[:, : x.shape[1] - steps]
    return out


def earlier(x, steps):
    return later(x[:, ::-1], steps)[:, ::-1]


def causal_conv_forward(x, w, dilation=2):
    """out[:, t] = sum over k of x[:, t - k * dilation] w[k]; x: (N, T, D), w: (K, D, M)."""
    return sum(later(x, k * dilation) @ w[k] for k in range(len(w))), (x, w, dilation)


def causal_conv_backward(dout, cache):
    x, w, dilation = cache
    dx = sum(earlier(dout @ w[k].T, k * dilation) for k in range(len(w)))
    return dx, np.stack([np.einsum("ntd,ntm->dm", later(x, k * dilation), dout) for k in range(len(w))])


def pixel_shuffle_forward(x, factor=2):
    """(N, C * factor**2, H, W) -> (N, C, H * factor, W * factor)."""
    N, C, H, W = x.shape
    parts = x.reshape(N, C // factor**2, factor, factor, H, W).transpose(0, 1, 4, 2, 5, 3)
    return parts.reshape(N, C // factor**2, H * factor, W * factor), (x.shape, factor)


def pixel_shuffle_backward(dout, cache):
    (N, C, H, W), factor = cache
    parts = dout.reshape(N, C // factor**2, H, factor, W, factor)
    return parts.transpose(0, 1, 3, 5, 2, 4).reshape(N, C, H, W)


def mirror_pad_forward(x):
    """One more pixel all round, mirrored at the outermost ones."""
    return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect"), x.shape


def mirror_pad_backward(dout, shape):
    dx = dout[:, :, 1:-1].copy()
    dx[:, :, 1] += dout[:, :, 0]
    dx[:, :, -2] += dout[:, :, -1]
    dx[..., 2] += dx[..., 0]
    dx[..., -3] += dx[..., -1]
    return dx[..., 1:-1]


def excitation_forward(x, w1, w2):
    """Squeeze and excitation: each channel of x (N, C, H, W) times a gate that has seen every channel's mean."""
    mean = x.mean(axis=(2, 3))
    hidden = np.maximum(mean @ w1, 0)
    gate = sigmoid(hidden @ w2)
    return x * gate[..., None, None], (x, w1, w2, mean, hidden, gate)


def excitation_backward(dout, cache):
    x, w1, w2, mean, hidden, gate = cache
    dz = (dout * x).sum(axis=(2, 3)) * gate * (1 - gate)
    dhidden = dz @ w2.T * (hidden > 0)
    dmean = dhidden @ w1.T / (x.shape[2] * x.shape[3])
    return dout * gate[..., None, None] + dmean[..., None, None], mean.T @ dhidden, hidden.T @ dz


def spatial_dropout_forward(x, mask, keep=0.5):
    """Whole channels are dropped; mask: (N, C)."""
    return x * mask[..., None, None] / keep, (mask, keep)


def spatial_dropout_backward(dout, cache):
    mask, keep = cache
    return dout * mask[..., None, None] / keep


RNN_SHAPES = ((3, 4, 3), (3, 4), (3, 4), (4, 4), (4,))


def draw_padded_rnn(rng):
    """Sentences of two, three and four words."""
    return *normal(*RNN_SHAPES, scale=0.7)(rng), np.arange(4) < np.array([[2], [3], [4]])


def draw_padded_words(rng):
    return *normal((2, 4, 3), (2, 4, 3), (2, 4, 2))(rng), np.arange(4) < np.array([[2], [3]])


def draw_bag(rng):
    return rng.integers(0, 4, (3, 5)), rng.normal(size=(3, 5)), rng.normal(size=(5, 3))


def draw_channels(rng):
    return rng.normal(size=(3, 4, 2, 3)), np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 1]])


GRU = Planted(
    "GRU through time",
    "gru",
    gru_forward,
    gru_backward,
    normal((2, 4, 3), (2, 3), (3, 9), (3, 9), (9,), scale=0.7),
)
PADDED_RNN = Planted("RNN with padding", "rnn", padded_rnn_forward, padded_rnn_backward, draw_padded_rnn)
LAST_STATE = Planted(
    "RNN, last state", "rnn", last_state_forward, last_state_backward, normal(*RNN_SHAPES, scale=0.7)
)
TWO_WAY = Planted(
    "RNN in both directions",
    "rnn",
    two_way_forward,
    two_way_backward,
    normal((2, 4, 3), (3, 2), (2, 2), (2,), (3, 2), (2, 2), (2,), scale=0.7),
)
MULTI_HEAD = Planted(
    "attention with heads",
    "attention",
    multi_head_forward,
    multi_head_backward,
    normal((2, 4, 4), (4, 4), (4, 4), (4, 4), (4, 3)),
)
PADDED_ATTENTION = Planted(
    "attention with padding", "attention", padded_attention_forward, padded_attention_backward, draw_padded_words
)
ADDITIVE_ATTENTION = Planted(
    "additive attention",
    "attention",
    additive_attention_forward,
    additive_attention_backward,
    normal((2, 3, 3), (2, 4, 3), (3, 5), (3, 5), (5,)),
)
ROTARY = Planted("rotary positions", "embedding", rotary_forward, rotary_backward, normal((2, 4, 6)))
BAG = Planted("weighted bag of words", "embedding", bag_forward, bag_backward, draw_bag)
MAX_OVER_TIME = Planted(
    "max over words",
    "reduction",
    max_over_time_forward,
    max_over_time_backward,
    lambda rng: (rng.normal(size=(3, 5, 3)), np.arange(5) < np.array([[2], [3], [5]])),
)
CAUSAL_CONV = Planted(
    "causal convolution of words",
    "convolution",
    causal_conv_forward,
    causal_conv_backward,
    normal((2, 6, 3), (3, 3, 2)),
)
PIXEL_SHUFFLE = Planted(
    "pixels out of channels", "reshape", pixel_shuffle_forward, pixel_shuffle_backward, normal((2, 8, 2, 3))
)
MIRROR_PAD = Planted("mirror padding", "padding", mirror_pad_forward, mirror_pad_backward, normal((2, 2, 4, 5)))
EXCITATION = Planted(
    "squeeze and excitation",
    "residual",
    excitation_forward,
    excitation_backward,
    normal((4, 4, 2, 3), (4, 6), (6, 4)),
)
SPATIAL_DROPOUT = Planted(
    "spatial dropout", "dropout", spatial_dropout_forward, spatial_dropout_backward, draw_channels
)

MORE_LAYERS = [GRU, PADDED_RNN, LAST_STATE, TWO_WAY, MULTI_HEAD, PADDED_ATTENTION, ADDITIVE_ATTENTION, ROTARY, BAG,
               MAX_OVER_TIME, CAUSAL_CONV, PIXEL_SHUFFLE, MIRROR_PAD, EXCITATION, SPATIAL_DROPOUT]  # fmt: skip
