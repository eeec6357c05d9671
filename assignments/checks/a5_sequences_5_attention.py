"""How the attention of a5-sequences is checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise


@exercise(
    "a5.causal_mask",
    file="attention.py",
    minutes=5,
    points=1,
    hints=(
        "Row t says what step t may look at. Which of the columns 0 to T - 1 are those?",
        "True on the diagonal and below it.",
        "np.tri(T, dtype=bool)",
    ),
)
def causal_mask(mine, rng):
    """Values for several lengths."""
    for T in (4, 2, 1):
        right = np.arange(T)[:, None] >= np.arange(T)
        mistakes = {
            "steps looked ahead, not back: it is transposed": lambda: right.T,
            "a step might not look at itself": lambda: right & ~np.eye(T, dtype=bool),
            "True stood for what is hidden": lambda: ~right,
        }
        slips.equal(mine(T), right, "mask", given=dict(T=T), slips=mistakes)


@exercise(
    "a5.attention_forward",
    file="attention.py",
    minutes=20,
    points=2,
    hints=(
        "Three lines: scores, softmax over the keys, a mean of the values. Which axis are the keys?",
        "k.swapaxes(-1, -2) is k^T for every example; np.where(mask, scores, -np.inf) before the softmax.",
        "scores = q @ k.swapaxes(-1, -2) / sqrt(D); e = np.exp(scores - scores.max(axis=-1, keepdims=True)); "
        "weights = e / e.sum(axis=-1, keepdims=True); out = weights @ v",
    ),
)
def attention_forward(mine, rng):
    """Values with and without masks, with several leading axes, with huge scores; float32; manners."""
    for lead, T, S, D, M, mask in _attentions(rng):
        q, k, v = _arrays(rng, (*lead, T, D), (*lead, S, D), (*lead, S, M))
        given = dict(q=q, k=k, v=v)
        call = expect.unchanged(lambda: mine(q, k, v, mask), **given)
        out, cache = expect.pair(call, "attention_forward")
        given |= {} if mask is None else {"mask": mask}
        right, weights = _attention(q, k, v, mask)
        keys_first = {"the softmax were over the queries, not over the keys": lambda: _over_queries(q, k, v)}
        mistakes = {
            "the scores were not divided by sqrt(D)": lambda: _attention(q * D**0.5, k, v, mask)[0],
            "the scores were divided by D, not by sqrt(D)": lambda: _attention(q / D**0.5, k, v, mask)[0],
            "the mask were left out": lambda: _attention(q, k, v, None)[0],
            "the mask were the wrong way round": lambda: _attention(q, k, v, ~mask)[0],
            "masked scores were 0, not minus infinity": lambda: _zero_masked(q, k, v, mask),
        }
        mistakes = {words: make for words, make in mistakes.items() if mask is not None or "mask" not in words}
        slips.equal(out, right, "out", given=given, slips=mistakes | (keys_first if mask is None else {}))
        expect.true(isinstance(cache, tuple) and len(cache) == 4, "the cache should be (weights, q, k, v)")
        expect.equal(cache[0], weights, "weights", given=given)
    out = mine(1e4 * q, k, v)[0]
    expect.true(np.isfinite(out).all(), "with scores of 1e4, out is not finite: exp overflows")
    single = np.float32(q), np.float32(k), np.float32(v)
    expect.equal(mine(*single)[0], _attention(*single, None)[0].astype(np.float32), "out", given=dict(q=single[0]))


@exercise(
    "a5.attention_backward",
    file="attention.py",
    minutes=30,
    points=3,
    hints=(
        "out = weights v is a matrix product with two inputs; weights = softmax(scores); scores = q k^T / "
        "sqrt(D) is a product again.",
        "dv = weights^T dout, dweights = dout v^T; then the softmax, whose sum is over the keys, and the same "
        "factor 1 / sqrt(D) as in forward.",
        "dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True)) / sqrt(D); dq = "
        "dscores @ k; dk = dscores.swapaxes(-1, -2) @ q",
    ),
)
def attention_backward(mine, rng):
    """The doctor, with and without masks and with several leading axes; float32."""
    forward = expect.function(mine, "attention_forward")
    for lead, T, S, D, M, mask in _attentions(rng):
        inputs = _arrays(rng, (*lead, T, D), (*lead, S, D), (*lead, S, M))
        expect.gradients(forward, mine, inputs, mask=mask)
    slips.float32_kept(forward, mine, **dict(zip("qkv", inputs)))


@exercise(
    "a5.multi_head_attention_forward",
    file="attention.py",
    minutes=30,
    points=3,
    hints=(
        "Each head is an attention_forward of its own on D / heads columns. First make it right with a loop "
        "over heads.",
        "part.reshape(N, T, heads, D // heads).swapaxes(1, 2) puts the heads beside the batch; "
        "attention_forward takes it as it is. Afterwards swap back before you reshape.",
        "q, k, v = the three parts of x @ w + b, reshaped and swapped; heard, (weights, *_) = "
        "attention_forward(q, k, v, mask); out = heard.swapaxes(1, 2).reshape(N, T, D) @ wo + bo",
    ),
)
def multi_head_attention_forward(mine, rng):
    """Against one head after the other, with and without a causal mask; float32; the error."""
    for heads, mask in ((1, None), (2, None), (3, np.tri(4, dtype=bool))):
        N, T, D = 2, 4, 6
        x, w, b, wo, bo = _arrays(rng, (N, T, D), (D, 3 * D), (3 * D,), (D, D), (D,))
        given = dict(x=x, w=w, b=b, wo=wo, bo=bo)
        result = expect.unchanged(lambda: mine(**given, heads=heads, mask=mask), **given)
        out, weights = expect.pair(result, "multi_head_attention_forward")
        q, k, v = (
            np.einsum("ntd,dm->ntm", x, w[:, i * D : (i + 1) * D]) + b[i * D : (i + 1) * D] for i in range(3)
        )
        heard, looked = np.zeros_like(x), np.zeros((N, heads, T, T))
        for head in range(heads):
            own = slice(head * D // heads, (head + 1) * D // heads)
            heard[..., own], looked[:, head] = _attention(q[..., own], k[..., own], v[..., own], mask)
        given = dict(x=x, heads=heads) | ({} if mask is None else {"mask": mask})
        expect.equal(weights, looked, "weights", given=given)
        apart = heard.reshape(N, T, heads, -1).swapaxes(1, 2).reshape(N, T, D)
        mistakes = {
            "the heads were not mixed by wo and bo": lambda: heard,
            "the axes were not swapped back before the heads were joined": lambda: apart @ wo + bo,
        }
        slips.equal(out, heard @ wo + bo, "out", given=given, slips=mistakes)
    expect.raises(ValueError, lambda: mine(x, w, b, wo, bo, heads=4), "6 features, 4 heads")


def _arrays(rng, *shapes):
    return tuple(rng.normal(size=shape) for shape in shapes)


def _attentions(rng):
    yield (2,), 3, 4, 5, 2, None
    yield (2,), 4, 4, 3, 2, np.tri(4, dtype=bool)
    yield (2, 3), 2, 3, 4, 1, rng.random((2, 1, 2, 3)) + np.array([1, 0, 0]) > 0.5


def _attention(q, k, v, mask):
    """One query after the other."""
    out, weights = np.zeros((*q.shape[:-1], v.shape[-1])), np.zeros((*q.shape[:-1], k.shape[-2]))
    allowed = np.broadcast_to(True if mask is None else mask, weights.shape)
    for place in np.ndindex(*q.shape[:-1]):
        keys, values, may = k[place[:-1]], v[place[:-1]], allowed[place]
        e = np.array([np.exp(q[place] @ key / len(key) ** 0.5) if ok else 0.0 for key, ok in zip(keys, may)])
        weights[place] = e / e.sum()
        out[place] = weights[place] @ values
    return out, weights


def _over_queries(q, k, v):
    e = np.exp(q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5)
    return e / e.sum(axis=-2, keepdims=True) @ v


def _zero_masked(q, k, v, mask):
    e = np.exp(np.where(mask, q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, 0))
    return e / e.sum(axis=-1, keepdims=True) @ v
