"""Attention: every query takes a mean of all values, weighted by how well their keys fit it."""

import numpy as np

from nnscratch.course import NotWritten


def causal_mask(T):
    """Say which steps each step of a sequence may look at: itself and those before it, never ahead.

    Returns an array (T, T) of bool: mask[t, s] is True where step t may look at step s, which is where s <= t.

    >>> causal_mask(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    # solution
    return np.tri(T, dtype=bool)
    # end of solution


def attention_forward(q, k, v, mask=None):
    """Scaled dot-product attention.

    q: queries (N, T, D), k: keys (N, S, D), v: values (N, S, M). mask: None, or bool of a shape that broadcasts
    to (N, T, S): True where a query may look at a key; every query may look at one key at least.

        scores = q k^T / sqrt(D)              (N, T, S), minus infinity where the mask is False
        weights = softmax(scores)             over the last axis, the keys
        out = weights v                       (N, T, M)

    Large scores must not overflow: subtract each row's largest score first. Write it so that q, k and v may have
    more leading axes, (N, heads, T, D): swap the last two axes of k, and use @.

    Returns out, of q's dtype, and cache = (weights, q, k, v). Nothing that was handed in is changed.
    Source: Vaswani et al. 2017, "Attention is all you need", sec. 3.2.1.

    >>> q, k, v = np.array([[[0.0]]]), np.array([[[1.0], [1.0]]]), np.array([[[2.0], [4.0]]])
    >>> attention_forward(q, k, v)[0]
    array([[[3.]]])
    """
    # solution
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]).astype(q.dtype)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = e / e.sum(axis=-1, keepdims=True)
    return weights @ v, (weights, q, k, v)
    # end of solution


def attention_backward(dout, cache):
    """Gradients of attention_forward.

    dout: (N, T, M), or with more leading axes. cache: (weights, q, k, v). First dv and the gradient of the
    weights, dweights = dout v^T. A softmax with weights p hands dp back as p * (dp - sum of dp * p); where the
    mask was False p is 0, so nothing more is needed for it. Then through the product and the division by sqrt(D).

    Returns dq, dk, dv, shaped like q, k, v. Nothing that was handed in is changed.

    >>> q, k, v = np.array([[[0.0]]]), np.array([[[1.0], [3.0]]]), np.array([[[2.0], [4.0]]])
    >>> out, cache = attention_forward(q, k, v)
    >>> [grad.ravel() for grad in attention_backward(np.ones((1, 1, 1)), cache)]
    [array([1.]), array([0., 0.]), array([0.5, 0.5])]
    """
    # solution
    weights, q, k, v = cache
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    dscores = dscores / np.sqrt(q.shape[-1]).astype(q.dtype)
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout
    # end of solution


def multi_head_attention_forward(x, w, b, wo, bo, heads, mask=None):
    """Self-attention with several heads, each of which attends in D / heads features of its own.

    x: (N, T, D). w: (D, 3D), b: (3D,): their columns make the queries, the keys and the values, D each, in this
    order: a = x w + b. Head number k gets features k * D / heads to (k + 1) * D / heads - 1 of the queries, of
    the keys and of the values. What the heads give is joined again in the order of the heads, heard (N, T, D),
    and mixed: out = heard wo + bo, with wo (D, D) and bo (D,). mask: as for attention_forward, the same for all
    heads, (T, T).

    To do all heads at once, reshape (N, T, D) to (N, T, heads, D / heads), and swap axes so that (N, heads) lead.

    Returns out (N, T, D), of x's dtype, and weights (N, heads, T, T), those of attention_forward.
    Nothing that was handed in is changed.
    Errors: ValueError if D cannot be divided by heads.
    Source: Vaswani et al. 2017, sec. 3.2.2.

    >>> x, eye = np.ones((1, 2, 2)), np.eye(2)
    >>> out, weights = multi_head_attention_forward(x, np.tile(eye, 3), np.zeros(6), eye, np.ones(2), heads=2)
    >>> out[0, 0], weights.shape
    (array([2., 2.]), (1, 2, 2, 2))
    """
    # solution
    N, T, D = x.shape
    if D % heads:
        raise ValueError(f"multi_head_attention_forward: {D} features do not divide into {heads} heads")
    parts = np.split(x @ w + b, 3, axis=-1)
    q, k, v = (part.reshape(N, T, heads, D // heads).swapaxes(1, 2) for part in parts)
    heard, (weights, *_) = attention_forward(q, k, v, mask)
    return heard.swapaxes(1, 2).reshape(N, T, D) @ wo + bo, weights
    # end of solution
