"""More correct attentions: heads, masks, additive, linear, with biases, temperatures and turning positions."""

import numpy as np

from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.sequences import softmax


def softmax_backward(dweights, weights, axis=-1):
    return weights * (dweights - (dweights * weights).sum(axis=axis, keepdims=True))


def split_heads(x, heads):
    N, T, D = x.shape
    return x.reshape(N, T, heads, D // heads).transpose(0, 2, 1, 3)


def join_heads(x):
    N, heads, T, D = x.shape
    return x.transpose(0, 2, 1, 3).reshape(N, T, heads * D)


def heads_forward(x, wqkv, wo, heads=2):
    """Self-attention of several heads; wqkv (D, 3 D) makes queries, keys and values, wo (D, D) mixes the heads."""
    q, k, v = (split_heads(part, heads) for part in np.split(x @ wqkv, 3, axis=2))
    scale = 1 / np.sqrt(q.shape[-1])
    weights = softmax(q @ k.swapaxes(2, 3) * scale)
    joined = join_heads(weights @ v)
    return joined @ wo, (x, wqkv, wo, q, k, v, weights, joined, scale, heads)


def heads_backward(dout, cache):
    x, wqkv, wo, q, k, v, weights, joined, scale, heads = cache
    dmixed = split_heads(dout @ wo.T, heads)
    dscores = softmax_backward(dmixed @ v.swapaxes(2, 3), weights) * scale
    dparts = dscores @ k, dscores.swapaxes(2, 3) @ q, weights.swapaxes(2, 3) @ dmixed
    dqkv = np.concatenate([join_heads(part) for part in dparts], axis=2)
    dwo = np.einsum("ntd,ntm->dm", joined, dout)
    return dqkv @ wqkv.T, np.einsum("ntd,ntm->dm", x, dqkv), dwo


def padded_attention_forward(q, k, v, words):
    """Attention that does not see the keys where words (N, S) says that there is none."""
    scale = 1 / np.sqrt(q.shape[2])
    weights = softmax(np.where(words[:, None], q @ k.swapaxes(1, 2) * scale, -1e9))
    return weights @ v, (q, k, v, words, weights, scale)


def padded_attention_backward(dout, cache):
    q, k, v, words, weights, scale = cache
    dscores = softmax_backward(dout @ v.swapaxes(1, 2), weights) * words[:, None] * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


def draw_padded(rng):
    return *normal((2, 3, 4), (2, 5, 4), (2, 5, 2))(rng), np.arange(5) < np.array([3, 4])[:, None]


def additive_forward(q, k, v, w, u, a):
    """Bahdanau's scores a . tanh(q w + k u); q (N, D), k (N, S, E), v (N, S, M)."""
    bent = np.tanh((q @ w)[:, None] + k @ u)
    weights = softmax(bent @ a)
    return (weights[..., None] * v).sum(axis=1), (q, k, v, w, u, a, bent, weights)


def additive_backward(dout, cache):
    q, k, v, w, u, a, bent, weights = cache
    dscores = softmax_backward((dout[:, None] * v).sum(axis=2), weights)
    dbent = dscores[..., None] * a * (1 - bent**2)
    dsum = dbent.sum(axis=1)
    dv, da = weights[..., None] * dout[:, None], np.einsum("ns,nsh->h", dscores, bent)
    return dsum @ w.T, dbent @ u.T, dv, q.T @ dsum, np.einsum("nse,nsh->eh", k, dbent), da


def feature(x):
    """The positive features elu(x) + 1."""
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def linear_forward(q, k, v):
    """Linear attention: features of q (N, T, D) and k (N, S, D), no softmax; v (N, S, M)."""
    fq, fk = feature(q), feature(k)
    state, total = fk.swapaxes(1, 2) @ v, fk.sum(axis=1)
    norm = np.einsum("ntd,nd->nt", fq, total)[..., None]
    return fq @ state / norm, (q, k, v, fq, fk, state, total, norm)


def linear_backward(dout, cache):
    q, k, v, fq, fk, state, total, norm = cache
    dtop = dout / norm
    dnorm = -(dout * (fq @ state)).sum(axis=2) / norm[..., 0] ** 2
    dstate = fq.swapaxes(1, 2) @ dtop
    dfq = dtop @ state.swapaxes(1, 2) + dnorm[..., None] * total[:, None]
    dfk = v @ dstate.swapaxes(1, 2) + np.einsum("nt,ntd->nd", dnorm, fq)[:, None]
    return dfq * np.minimum(fq, 1), dfk * np.minimum(fk, 1), fk @ dstate


def biased_forward(q, k, v, table):
    """Attention with a learnt score for each distance s - t; table (T + S - 1,)."""
    T, S = q.shape[1], k.shape[1]
    index = np.arange(S) - np.arange(T)[:, None] + T - 1
    weights = softmax(q @ k.swapaxes(1, 2) + table[index])
    return weights @ v, (q, k, v, table, index, weights)


def biased_backward(dout, cache):
    q, k, v, table, index, weights = cache
    dscores = softmax_backward(dout @ v.swapaxes(1, 2), weights)
    dtable = np.zeros_like(table)
    np.add.at(dtable, index, dscores.sum(axis=0))
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout, dtable


def tempered_forward(q, k, v, temperature):
    """One head, q (T, D), k (S, D), v (S, M), its scores divided by a learnt temperature, (1,)."""
    raw = q @ k.T
    weights = softmax(raw / temperature)
    return weights @ v, (q, k, v, temperature, raw, weights)


def tempered_backward(dout, cache):
    q, k, v, temperature, raw, weights = cache
    dscores = softmax_backward(dout @ v.T, weights)
    draw = dscores / temperature
    dtemperature = -(dscores * raw).sum() / temperature**2
    return draw @ k, draw.T @ q, weights.T @ dout, dtemperature


def draw_tempered(rng):
    return *normal((4, 3), (4, 3), (4, 2))(rng), rng.uniform(1, 2, 1)


def pooled_forward(x, query):
    """The mean of x (N, T, D) with the weights softmax(x . query)."""
    weights = softmax(x @ query)
    return np.einsum("nt,ntd->nd", weights, x), (x, query, weights)


def pooled_backward(dout, cache):
    x, query, weights = cache
    dscores = softmax_backward(np.einsum("nd,ntd->nt", dout, x), weights)
    dx = weights[..., None] * dout[:, None] + dscores[..., None] * query
    return dx, np.einsum("nt,ntd->d", dscores, x)


def turned_forward(x, base=100.0):
    """Rotary positions: the pairs (d, d + D / 2) of x (N, T, D) turn by an angle that grows in time."""
    T, half = x.shape[1], x.shape[2] // 2
    angle = np.arange(T)[:, None] * base ** (-np.arange(half) / half)
    a, b, cos, sin = x[..., :half], x[..., half:], np.cos(angle), np.sin(angle)
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=2), (cos, sin)


def turned_backward(dout, cache):
    cos, sin = cache
    da, db = np.split(dout, 2, axis=2)
    return np.concatenate([da * cos + db * sin, db * cos - da * sin], axis=2)


def dropped_forward(q, k, v, keep, share=0.75):
    """Attention whose weights are dropped (keep: (N, T, S)) after the softmax."""
    weights = softmax(q @ k.swapaxes(1, 2))
    kept = weights * keep / share
    return kept @ v, (q, k, v, keep, share, weights, kept)


def dropped_backward(dout, cache):
    q, k, v, keep, share, weights, kept = cache
    dscores = softmax_backward(dout @ v.swapaxes(1, 2) * keep / share, weights)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, kept.swapaxes(1, 2) @ dout


def draw_dropped(rng):
    keep = rng.permuted(np.tile(np.arange(4) < 3, (2, 3, 1)), axis=2)
    return *normal((2, 3, 3), (2, 4, 3), (2, 4, 2))(rng), keep


def transformer_forward(x, gamma, beta, wq, wk, wv):
    """x + attention(layer norm(x)); wv keeps the width."""
    N_, T, D = x.shape
    normed, norm_cache = N.layer_norm_forward(x.reshape(-1, D), gamma, beta)
    out, cache = S.self_attention_forward(normed.reshape(x.shape), wq, wk, wv)
    return x + out, (norm_cache, cache)


def transformer_backward(dout, cache):
    norm_cache, inner = cache
    dnormed, dwq, dwk, dwv = S.self_attention_backward(dout, inner)
    dx, dgamma, dbeta = N.layer_norm_backward(dnormed.reshape(-1, dout.shape[2]), norm_cache)
    return dout + dx.reshape(dout.shape), dgamma, dbeta, dwq, dwk, dwv


def attention(name, forward, backward, inputs, **changes):
    return Planted(name, "attention", forward, backward, inputs, **changes)


HEADS = attention("attention of several heads", heads_forward, heads_backward, normal((2, 3, 4), (4, 12), (4, 4)))
PADDED_ATTENTION = attention("attention past padding", padded_attention_forward, padded_attention_backward,
                             draw_padded)  # fmt: skip
ADDITIVE = attention("additive attention", additive_forward, additive_backward,
                     normal((3, 2), (3, 4, 3), (3, 4, 2), (2, 5), (3, 5), (5,)))  # fmt: skip
LINEAR = attention("linear attention", linear_forward, linear_backward, normal((2, 3, 3), (2, 4, 3), (2, 4, 2)))
BIASED = attention("attention with distances", biased_forward, biased_backward,
                   normal((2, 4, 3), (2, 4, 3), (2, 4, 2), (7,)))  # fmt: skip
TEMPERED = attention("attention with a temperature", tempered_forward, tempered_backward, draw_tempered)
POOLED = attention("attention pool", pooled_forward, pooled_backward, normal((3, 4, 3), (3,)))
TURNED = attention("rotary positions", turned_forward, turned_backward, normal((2, 4, 6)))
DROPPED = attention("attention with dropout", dropped_forward, dropped_backward, draw_dropped)
TRANSFORMER = attention("transformer half block", transformer_forward, transformer_backward,
                        normal((2, 3, 4), (4,), (4,), (4, 3), (4, 3), (4, 4)))  # fmt: skip

LATE_ATTENTION_LAYERS = [HEADS, PADDED_ATTENTION, ADDITIVE, LINEAR, BIASED, TEMPERED, POOLED, TURNED, DROPPED,
                         TRANSFORMER]  # fmt: skip
