"""More wrong backward passes of attention."""

import numpy as np

from tests.gradcheck.planted_families.case import planting
from tests.gradcheck.planted_families.more_layers import (
    ADDITIVE_ATTENTION,
    MULTI_HEAD,
    PADDED_ATTENTION,
    additive_attention_backward,
    from_heads,
    multi_head_backward,
    to_heads,
)
from tests.gradcheck.planted_families.sequences import (
    ATTENTION,
    ATTENTION_SQUARE,
    CAUSAL_ATTENTION,
    SELF_ATTENTION,
    attention_backward,
    self_attention_backward,
    softmax,
)

MORE_ATTENTION = []
bug = planting(MORE_ATTENTION)


def scores_gradient(dout, cache):
    """The gradient of the scores before they were scaled, without the scale."""
    _, _, v, _, weights, _ = cache
    dweights = dout @ v.swapaxes(1, 2)
    return weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True))


def from_dscores(dscores, dout, cache):
    q, k, _, _, weights, scale = cache
    return scale * dscores @ k, scale * dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("transposed", ATTENTION_SQUARE, also=("missing-term", "wrong-cache-variable"))
def attention_softmax_summed_over_the_queries(dout, cache):
    _, _, v, _, weights, _ = cache
    dweights = dout @ v.swapaxes(1, 2)
    return from_dscores(weights * (dweights - (dweights * weights).sum(axis=1, keepdims=True)), dout, cache)


@bug("constant-factor", ATTENTION)
def attention_scaled_only_for_the_queries(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dq, dk / cache[-1], dv


@bug("constant-factor", ATTENTION)
def attention_scaled_by_the_dimension_itself(dout, cache):
    *kept, scale = cache
    return attention_backward(dout, (*kept, scale**2))


@bug("missing-term", ATTENTION, also=("constant-factor",))
def attention_softmax_with_the_mean_for_the_sum(dout, cache):
    _, _, v, _, weights, _ = cache
    dweights = dout @ v.swapaxes(1, 2)
    return from_dscores(weights * (dweights - (dweights * weights).mean(axis=2, keepdims=True)), dout, cache)


@bug("missing-mask", ATTENTION, also=("missing-term", "wrong-cache-variable"))
def attention_softmax_not_multiplied_by_its_weights(dout, cache):
    _, _, v, _, weights, _ = cache
    dweights = dout @ v.swapaxes(1, 2)
    return from_dscores(dweights - (dweights * weights).sum(axis=2, keepdims=True), dout, cache)


@bug("missing-mask", CAUSAL_ATTENTION, also=("wrong-mask", "wrong-cache-variable"))
def causal_attention_computes_its_weights_anew_without_the_mask(dout, cache):
    q, k, v, scores, _, scale = cache
    return attention_backward(dout, (q, k, v, scores, softmax(q @ k.swapaxes(1, 2) * scale), scale))


@bug("wrong-mask", CAUSAL_ATTENTION, also=("transposed",))
def causal_attention_mask_transposed(dout, cache):
    dscores = scores_gradient(dout, cache)
    return from_dscores(dscores * np.tri(dscores.shape[1]).T, dout, cache)


@bug("wrong-mask", CAUSAL_ATTENTION, also=("border", "missing-term"))
def causal_attention_mask_hides_the_word_before(dout, cache):
    dscores, T = scores_gradient(dout, cache), dout.shape[1]
    return from_dscores(dscores * (np.eye(T) + np.tri(T, k=-2)), dout, cache)


@bug("border", CAUSAL_ATTENTION, also=("missing-term",))
def causal_attention_last_word_forgotten(dout, cache):
    dscores = scores_gradient(dout, cache)
    dscores[:, -1] = 0
    return from_dscores(dscores, dout, cache)


@bug("non-finite", CAUSAL_ATTENTION)
def causal_attention_divides_by_weights_of_zero(dout, cache):
    _, _, _, _, weights, _ = cache
    return from_dscores(scores_gradient(dout, cache) / weights * weights, dout, cache)


@bug("wrong-mask", PADDED_ATTENTION, also=("transposed", "missing-term"))
def padded_attention_mask_laid_on_the_queries(dout, cache):
    *inner, mask = cache
    return from_dscores(scores_gradient(dout, inner) * mask[:, :, None], dout, inner)


@bug("missing-mask", PADDED_ATTENTION, also=("wrong-mask", "wrong-cache-variable"))
def padded_attention_dv_reaches_the_padding(dout, cache):
    q, k, _, _, _, scale, _ = cache
    dq, dk, _ = attention_backward(dout, cache[:-1])
    return dq, dk, softmax(q @ k.swapaxes(1, 2) * scale).swapaxes(1, 2) @ dout


@bug("wrong-cache-variable", MULTI_HEAD)
def heads_dwo_from_the_values(dout, cache):
    _, _, _, _, (_, _, v, *_), heads = cache
    return *multi_head_backward(dout, cache)[:-1], np.einsum("ntd,ntm->dm", from_heads(v, heads), dout)


@bug("missing-term", MULTI_HEAD, also=("not-accumulated",))
def heads_dx_without_the_keys(dout, cache):
    _, (wq, _, wv), wo, _, inner, heads = cache
    dq, _, dv = (from_heads(d, heads) for d in attention_backward(to_heads(dout @ wo.T, heads), inner))
    return dq @ wq.T + dv @ wv.T, *multi_head_backward(dout, cache)[1:]


@bug("border", MULTI_HEAD, also=("missing-term", "not-accumulated"))
def heads_last_one_left_out(dout, cache):
    _, _, wo, _, _, heads = cache
    D = len(wo) // heads
    kept = np.where(np.arange(len(wo)) < len(wo) - D, 1, 0)[:, None]
    x, ws, _, context, inner, _ = cache
    return multi_head_backward(dout, (x, ws, wo * kept, context, inner, heads))


@bug("transposed", MULTI_HEAD)
def heads_reshaped_without_moving_the_axis(dout, cache):
    x, ws, wo, _, inner, heads = cache
    N, T, D = x.shape
    dqkv = [d.reshape(N, T, D) for d in attention_backward(to_heads(dout @ wo.T, heads), inner)]
    return sum(d @ w.T for d, w in zip(dqkv, ws)), *multi_head_backward(dout, cache)[1:]


@bug("missing-mask", ADDITIVE_ATTENTION, also=("missing-term",))
def additive_attention_without_the_slope_of_tanh(dout, cache):
    q, k, wq, wk, v, hidden, weights = cache
    dweights = dout @ k.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True))
    dz = dscores[..., None] * v
    dzq, dzk = dz.sum(axis=2), dz.sum(axis=1)
    dk = dzk @ wk.T + weights.swapaxes(1, 2) @ dout
    dwq, dwk = np.einsum("ntd,nta->da", q, dzq), np.einsum("nsd,nsa->da", k, dzk)
    return dzq @ wq.T, dk, dwq, dwk, np.einsum("nts,ntsa->a", dscores, hidden)


@bug("missing-term", ADDITIVE_ATTENTION, also=("not-accumulated",))
def additive_attention_keys_only_as_values(dout, cache):
    dq, _, *rest = additive_attention_backward(dout, cache)
    return dq, cache[-1].swapaxes(1, 2) @ dout, *rest


@bug("constant-factor", ADDITIVE_ATTENTION)
def additive_attention_dv_averaged_over_the_batch(dout, cache):
    *rest, dv = additive_attention_backward(dout, cache)
    return *rest, dv / len(dout)


@bug("mutates", ADDITIVE_ATTENTION)
def additive_attention_weights_turned_into_their_gradient(dout, cache):
    grads = additive_attention_backward(dout, cache)
    weights = cache[-1]
    weights *= dout @ cache[1].swapaxes(1, 2)
    return grads


@bug("wrong-shape", ADDITIVE_ATTENTION, also=("not-accumulated",))
def additive_attention_dv_of_each_example(dout, cache):
    q, k, wq, wk, v, hidden, weights = cache
    *rest, _ = additive_attention_backward(dout, cache)
    dweights = dout @ k.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True))
    return *rest, np.einsum("nts,ntsa->na", dscores, hidden)


@bug("wrong-cache-variable", SELF_ATTENTION, also=("transposed",))
def self_attention_dwq_and_dwk_swapped(dout, cache):
    dx, dwq, dwk, dwv = self_attention_backward(dout, cache)
    return dx, dwk, dwq, dwv


@bug("wrong-cache-variable", SELF_ATTENTION)
def self_attention_wq_used_for_the_keys_too(dout, cache):
    x, wq, _, wv, inner = cache
    dx = sum(d @ w.T for d, w in zip(attention_backward(dout, inner), (wq, wq, wv)))
    return dx, *self_attention_backward(dout, cache)[1:]


@bug("zero-gradient", SELF_ATTENTION, also=("missing-term",))
def self_attention_weights_said_to_be_constant(dout, cache):
    x, wq, wk, wv, inner = cache
    dv = inner[4].swapaxes(1, 2) @ dout
    return dv @ wv.T, np.zeros_like(wq), np.zeros_like(wk), np.einsum("ntd,ntm->dm", x, dv)
