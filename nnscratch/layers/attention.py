"""Attention: every query looks at all keys and takes the mean of their values, weighted by how well they fit."""

import functools
import math

import numpy as np

from nnscratch.arrays import array_module, beside
from nnscratch.layers.base import Layer, parameter
from nnscratch.layers.initializers import constant, xavier
from nnscratch.layers.losses import softmax
from nnscratch.layers.temporal import temporal_affine_backward, temporal_affine_forward
from nnscratch.shapes import ShapeError, check_dout, match_axes


def attention_forward(q, k, v, mask=None):
    """Scaled dot-product attention: out = softmax(q k^T / sqrt(D)) v.

    q: (..., T, D) queries, k: (..., S, D) keys, v: (..., S, M) values, with the same leading axes (batch, heads).
    mask: True or 1 where a query may look at a key, of a shape that broadcasts to (..., T, S); `causal_mask(T)`
    lets every step look at itself and those before it. A query that may look at nothing gets zeros.
    Returns out (..., T, M) and the cache (the weights, (..., T, S), are its first entry). Raises ShapeError.
    Source: Vaswani et al. 2017, "Attention is all you need", sec. 3.2.1.

    >>> q, k, v = np.array([[0.0]]), np.array([[1.0], [1.0]]), np.array([[2.0], [4.0]])
    >>> out, cache = attention_forward(q, k, v)
    >>> dq, dk, dv = attention_backward(np.ones((1, 1)), cache)
    >>> out, dv.ravel()
    (array([[3.]]), array([0.5, 0.5]))
    """
    match_axes("attention", q=(q, "... T D"), k=(k, "... S D"), v=(v, "... S M"))
    if not q.shape[:-2] == k.shape[:-2] == v.shape[:-2]:
        raise ShapeError(
            f"attention: the leading axes differ: q is {q.shape}, k is {k.shape}, v is {v.shape}: give all three "
            "the same batch and head axes"
        )
    scale = 1 / math.sqrt(q.shape[-1])
    scores = q @ k.swapaxes(-1, -2) * q.dtype.type(scale)
    weights = scores if not scores.size else softmax(scores) if mask is None else _masked_softmax(scores, mask)
    return weights @ v, (weights, q, k, v, scale)


def attention_backward(dout, cache):
    """Return dq, dk, dv: with dw = dout v^T, the scores get weights * (dw - the row's sum of weights * dw)."""
    weights, q, k, v, scale = cache
    check_dout("attention", dout, (*q.shape[:-1], v.shape[-1]))
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (weights * dweights).sum(axis=-1, keepdims=True)) * q.dtype.type(scale)
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


def _masked_softmax(scores, mask):
    """Softmax over the places that the mask leaves; 0 elsewhere, and everywhere in a row that has none."""
    xp = array_module(scores)
    mask = (beside(mask, scores) if isinstance(mask, np.ndarray) else mask) != 0
    try:
        mask = xp.broadcast_to(mask, scores.shape)
    except ValueError:
        raise ShapeError(
            f"attention: the mask is {mask.shape}, but the scores are {scores.shape}: "
            "give a mask that broadcasts to (..., T, S)"
        ) from None
    lowest = xp.where(mask, scores, np.finfo(scores.dtype.name).min).max(axis=-1, keepdims=True)
    e = xp.exp(xp.where(mask, scores - lowest, 0)) * mask
    total = e.sum(axis=-1, keepdims=True)
    return e / xp.where(total == 0, 1, total).astype(scores.dtype)


@functools.cache
def causal_mask(T):
    """Return the (T, T) mask that lets every step look at itself and at those before it, never ahead.

    >>> causal_mask(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    mask = np.tri(T, dtype=bool)
    mask.flags.writeable = False  # one for all callers, copied to the GPU once
    return mask


def multi_head_attention_forward(x, memory, w, b, wo, bo, heads=1, mask=None):
    """Several attentions side by side, each in D / heads features of its own; their outs are joined and mixed.

    x: (N, T, D), where the queries come from; memory: (N, S, D), where keys and values come from (x itself in
    self-attention). w: (D, 3D) and b: (3D,) hold the columns of queries, keys and values; wo: (D, D), bo: (D,).
    mask: as for attention_forward, broadcast to (N, heads, T, S). Returns out (N, T, D) and the cache.
    Source: Vaswani et al. 2017, sec. 3.2.2. Raises ShapeError.

    >>> x, eye = np.ones((1, 2, 2)), np.eye(2)
    >>> out, cache = multi_head_attention_forward(x, x, np.tile(eye, 3), np.zeros(6), eye, np.zeros(2), heads=2)
    >>> out[0, 0], len(multi_head_attention_backward(out, cache))
    (array([1., 1.]), 6)
    """
    operation = "multi_head_attention"
    N, T, D, S = match_axes(operation, x=(x, "N T D"), memory=(memory, "N S D"))
    match_axes(operation, x=(x, "N T D"), w=(w, f"D {3 * D}"), b=(b, f"{3 * D}"), wo=(wo, "D D"), bo=(bo, "D"))
    if heads < 1 or D % heads:
        raise ShapeError(
            f"{operation}: {D} features cannot be shared among {heads} heads: D / heads must be whole"
        )
    q, to_q = temporal_affine_forward(x, w[:, :D], b[:D])
    kv, to_kv = temporal_affine_forward(memory, w[:, D:], b[D:])
    q, k, v = (_split(part, heads) for part in (q, kv[..., :D], kv[..., D:]))
    heard, looked = attention_forward(q, k, v, mask)
    out, to_out = temporal_affine_forward(_join(heard), wo, bo)
    return out, (to_q, to_kv, looked, to_out, heads)


def multi_head_attention_backward(dout, cache):
    """Return dx, dmemory, dw, db, dwo, dbo; in self-attention the gradient of x is the sum of the first two."""
    to_q, to_kv, looked, to_out, heads = cache
    dheard, dwo, dbo = temporal_affine_backward(dout, to_out)
    dq, dk, dv = (_join(part) for part in attention_backward(_split(dheard, heads), looked))
    xp = array_module(dq)
    dx, dwq, dbq = temporal_affine_backward(dq, to_q)
    dmemory, dwkv, dbkv = temporal_affine_backward(xp.concatenate([dk, dv], axis=-1), to_kv)
    return dx, dmemory, xp.concatenate([dwq, dwkv], axis=1), xp.concatenate([dbq, dbkv]), dwo, dbo


def _split(x, heads):
    """(N, T, D) -> (N, heads, T, D / heads)."""
    N, T, D = x.shape
    return x.reshape(N, T, heads, D // heads).transpose(0, 2, 1, 3)


def _join(x):
    """(N, heads, T, D / heads) -> (N, T, D)."""
    N, heads, T, D = x.shape
    return x.transpose(0, 2, 1, 3).reshape(N, T, heads * D)


class SelfAttention(Layer):
    """Multi-head self-attention over sequences (N, T, D); `causal`: no step looks at those after it.

    >>> layer = SelfAttention(6, heads=2, causal=True, rng=0)
    >>> out, cache = layer.forward(np.ones((2, 5, 6), np.float32))
    >>> dx, grads = layer.backward(out, cache)
    >>> out.shape, dx.shape, list(grads)
    ((2, 5, 6), (2, 5, 6), ['w', 'b', 'wo', 'bo'])
    """

    def __init__(self, D, heads=1, causal=False, rng=0, dtype=np.float32):
        super().__init__()
        if heads < 1 or D % heads:
            raise ShapeError(
                f"SelfAttention: {D} features cannot be shared among {heads} heads: choose a divisor of D"
            )
        self.heads, self.causal = heads, causal
        self.params["w"] = parameter(xavier(), (D, 3 * D), rng, dtype)
        self.params["b"] = parameter(constant(), (3 * D,), rng, dtype)
        self.params["wo"] = parameter(xavier(), (D, D), rng, dtype)
        self.params["bo"] = parameter(constant(), (D,), rng, dtype)

    def forward(self, x, train=False, mask=None):
        """Return what every step has heard and the cache; mask: 0 at further places not to look at."""
        if self.causal and getattr(x, "ndim", 0) == 3:
            ahead = causal_mask(x.shape[1])
            mask = ahead if mask is None else beside(ahead, x) & (mask != 0)
        p = self.params
        return multi_head_attention_forward(x, x, p["w"], p["b"], p["wo"], p["bo"], self.heads, mask)

    def backward(self, dout, cache):
        """Return dx and the gradients of w, b, wo and bo."""
        dx, dmemory, dw, db, dwo, dbo = multi_head_attention_backward(dout, cache)
        return dx + dmemory, {"w": dw, "b": db, "wo": dwo, "bo": dbo}
