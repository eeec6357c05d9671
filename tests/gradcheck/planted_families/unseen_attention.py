"""Wrong attention: scaled, causal, many heads, relative positions, additive, with dropout, and rotations."""

import numpy as np

from tests.gradcheck.planted_families import algebra as G
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.unseen_right_sequences import (
    ADDITIVE,
    DROPPED,
    MULTI_HEAD,
    RELATIVE,
    ROTARY,
    additive_backward,
    changed,
    dropped_attention_backward,
    merge,
    multi_head_backward,
    relative_backward,
    softmax_gradient,
    split,
)  # fmt: skip

UNSEEN_ATTENTION = []
bug = planting(UNSEEN_ATTENTION)
MEMORY = {}


@bug("constant-factor", S.ATTENTION)
def square_root_of_the_width_lost_on_the_way_back(dout, cache):
    q, k, v, scores, weights, scale = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2), weights)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("constant-factor", MULTI_HEAD)
def heads_scaled_by_the_whole_width(dout, cache):
    *before, mixed, scale = cache
    return multi_head_backward(dout, (*before, mixed, 1 / np.sqrt(mixed.shape[2])))


@bug("constant-factor", RELATIVE)
def position_bias_scaled_like_the_products(dout, cache):
    *others, dbias = relative_backward(dout, cache)
    return *others, dbias * cache[-1]


@bug("constant-factor", DROPPED)
def dropped_weights_not_scaled_up_again(dout, cache):
    q, k, v, keep, rate, weights, dropped = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2) * keep, weights) / np.sqrt(q.shape[2])
    return dscores @ k, dscores.swapaxes(1, 2) @ q, dropped.swapaxes(1, 2) @ dout


@bug("sign", S.ATTENTION_SQUARE)
def mean_minus_weight_gradient(dout, cache):
    q, k, v, scores, weights, scale = cache
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * ((dweights * weights).sum(axis=2, keepdims=True) - dweights) * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("sign", ROTARY, also=("transposed",))
def positions_turned_on_instead_of_back(dout, cache):
    cos, sin = cache
    first, second = np.split(dout, 2, axis=2)
    return np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=2)


@bug("sign", ROTARY)
def second_half_of_the_turn_with_plus(dout, cache):
    cos, sin = cache
    first, second = np.split(dout, 2, axis=2)
    return np.concatenate([first * cos + second * sin, second * cos + first * sin], axis=2)


@bug("sign", S.ATTENTION)
def centre_of_the_weights_added(dout, cache):
    q, k, v, scores, weights, scale = cache
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * (dweights + (dweights * weights).sum(axis=2, keepdims=True)) * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("transposed", S.ATTENTION_SQUARE)
def keys_gathered_along_the_queries(dout, cache):
    q, k, v, scores, weights, scale = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2), weights) * scale
    return dscores @ k, dscores @ q, weights.swapaxes(1, 2) @ dout


@bug("transposed", S.CAUSAL_ATTENTION)
def values_gathered_with_causal_weights_as_they_are(dout, cache):
    dq, dk, _ = S.attention_backward(dout, cache)
    return dq, dk, cache[4] @ dout


@bug("transposed", MULTI_HEAD)
def heads_merged_without_moving_them(dout, cache):
    x, ws, wo, q, k, v, weights, mixed, scale = cache
    dmixed = split(dout @ wo.T, q.shape[1])
    dscores = softmax_gradient(dmixed @ v.swapaxes(2, 3), weights) * scale
    douts = dscores @ k, dscores.swapaxes(2, 3) @ q, weights.swapaxes(2, 3) @ dmixed
    douts = [d.reshape(x.shape) for d in douts]
    dx = sum(d @ w.T for d, w in zip(douts, ws))
    return dx, *(np.einsum("ntd,ntm->dm", x, d) for d in douts), np.einsum("ntm,ntd->md", mixed, dout)


@bug("transposed", MULTI_HEAD)
def output_matrix_of_the_heads_not_turned(dout, cache):
    x, ws, wo, *rest = cache
    right = multi_head_backward(dout, cache)
    return *multi_head_backward(dout, (x, ws, wo.T, *rest))[:4], right[4]


@bug("transposed", G.HEADS)
def heads_laid_back_without_moving_the_axis(dout, shape):
    return dout.reshape(shape)


@bug("transposed", ADDITIVE)
def key_matrix_of_additive_attention_on_its_side(dout, cache):
    dquery, dkeys, dwq, dwk, dv = additive_backward(dout, cache)
    return dquery, dkeys, dwq, dwk.T, dv


@bug("missing-term", S.ATTENTION)
def softmax_taken_for_elementwise(dout, cache):
    q, k, v, scores, weights, scale = cache
    dscores = weights * (dout @ v.swapaxes(1, 2)) * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("missing-term", ADDITIVE, inputs=changed(ADDITIVE, i5=lambda v: v / 100))
def keys_of_additive_attention_only_averaged(dout, cache):
    query, keys, mask, wq, wk, v, hidden, weights = cache
    dquery, _, *others = additive_backward(dout, cache)
    return dquery, weights[..., None] * dout[:, None], *others


@bug("missing-term", S.SELF_ATTENTION)
def words_hear_nothing_as_values(dout, cache):
    x, wq, wk, wv, inner = cache
    dq, dk, dv = S.attention_backward(dout, inner)
    return dq @ wq.T + dk @ wk.T, *(np.einsum("ntd,ntm->dm", x, d) for d in (dq, dk, dv))


@bug("missing-mask", DROPPED)
def dropout_of_attention_not_repeated(dout, cache):
    q, k, v, keep, rate, weights, dropped = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2) / (1 - rate), weights) / np.sqrt(q.shape[2])
    return dscores @ k, dscores.swapaxes(1, 2) @ q, dropped.swapaxes(1, 2) @ dout


@bug("missing-mask", DROPPED, also=("wrong-cache-variable",))
def values_weighted_as_if_nothing_were_dropped(dout, cache):
    q, k, v, keep, rate, weights, dropped = cache
    dq, dk, _ = dropped_attention_backward(dout, cache)
    return dq, dk, (weights / (1 - rate)).swapaxes(1, 2) @ dout


@bug("wrong-mask", DROPPED)
def dropped_weights_trained_in_place_of_kept_ones(dout, cache):
    q, k, v, keep, rate, weights, dropped = cache
    dweights = dout @ v.swapaxes(1, 2) * ~keep / (1 - rate)
    dscores = softmax_gradient(dweights, weights) / np.sqrt(q.shape[2])
    return dscores @ k, dscores.swapaxes(1, 2) @ q, dropped.swapaxes(1, 2) @ dout


@bug("wrong-mask", S.CAUSAL_ATTENTION)
def word_itself_masked_like_the_future(dout, cache):
    q, k, v, scores, weights, scale = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2), weights) * scale
    dscores *= np.tri(*dscores.shape[1:], k=-1)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("wrong-mask", S.CAUSAL_ATTENTION, also=("transposed",))
def past_masked_in_place_of_the_future(dout, cache):
    q, k, v, scores, weights, scale = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2), weights) * scale
    dscores *= np.tri(*dscores.shape[1:]).T
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("wrong-mask", ADDITIVE)
def additive_scores_masked_one_word_short(dout, cache):
    query, keys, mask, wq, wk, v, hidden, weights = cache
    short = mask & np.roll(mask, -1, axis=1)
    dscores = softmax_gradient((dout[:, None] * keys).sum(axis=2), weights) * short
    dhidden = dscores[..., None] * v * (1 - hidden**2)
    dkeys = weights[..., None] * dout[:, None] + dhidden @ wk.T
    dprojected = dhidden.sum(axis=1)
    dwk, dv = np.einsum("ntd,nta->da", keys, dhidden), np.einsum("nta,nt->a", hidden, dscores)
    return dprojected @ wq.T, dkeys, query.T @ dprojected, dwk, dv


@bug("not-accumulated", RELATIVE)
def each_distance_hears_its_last_pair(dout, cache):
    q, k, v, bias, apart, weights, scale = cache
    dbias = np.zeros_like(bias)
    dbias[apart] += softmax_gradient(dout @ v.swapaxes(1, 2), weights).sum(axis=0)
    return *relative_backward(dout, cache)[:3], dbias


@bug("not-accumulated", ADDITIVE)
def query_hears_the_last_score_alone(dout, cache):
    query, keys, mask, wq, wk, v, hidden, weights = cache
    _, dkeys, _, dwk, dv = additive_backward(dout, cache)
    dscores = softmax_gradient((dout[:, None] * keys).sum(axis=2), weights)
    for t in range(keys.shape[1]):
        if mask[:, t].any():
            dprojected = dscores[:, t, None] * v * (1 - hidden[:, t] ** 2)
    return dprojected @ wq.T, dkeys, query.T @ dprojected, dwk, dv


@bug("border", RELATIVE)
def farthest_distances_left_out(dout, cache):
    q, k, v, bias, apart, weights, scale = cache
    dscores, dbias, T = softmax_gradient(dout @ v.swapaxes(1, 2), weights), np.zeros_like(bias), q.shape[1]
    for distance in range(1 - T, T - 1):
        dbias[distance + T - 1] = np.trace(dscores.sum(axis=0), offset=-distance)
    return *relative_backward(dout, cache)[:3], dbias


@bug("border", S.CAUSAL_ATTENTION, also=("missing-term",))
def first_word_that_sees_only_itself_passed_over(dout, cache):
    q, k, v, scores, weights, scale = cache
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for t in range(1, q.shape[1]):
        seen, past = weights[:, t, : t + 1], slice(0, t + 1)
        dscores = softmax_gradient(np.einsum("nm,nsm->ns", dout[:, t], v[:, past]), seen) * scale
        dq[:, t] = np.einsum("ns,nsd->nd", dscores, k[:, past])
        dk[:, past] += dscores[..., None] * q[:, t, None]
        dv[:, past] += seen[..., None] * dout[:, t, None]
    return dq, dk, dv


@bug("stride", ROTARY, also=("transposed",))
def neighbouring_features_turned_in_place_of_halves(dout, cache):
    cos, sin = cache
    dx = np.empty_like(dout)
    dx[..., ::2] = dout[..., ::2] * cos + dout[..., 1::2] * sin
    dx[..., 1::2] = dout[..., 1::2] * cos - dout[..., ::2] * sin
    return dx


@bug("stride", MULTI_HEAD, also=("transposed",))
def heads_read_every_second_feature(dout, cache):
    x, ws, wo, q, k, v, weights, mixed, scale = cache
    right = multi_head_backward(dout, cache)
    heads = q.shape[1]
    dmixed = np.stack([(dout @ wo.T)[..., head::heads] for head in range(heads)], axis=1)
    dv = merge(weights.swapaxes(2, 3) @ dmixed)
    return *right[:3], np.einsum("ntd,ntm->dm", x, dv), right[4]


@bug("wrong-cache-variable", S.ATTENTION_SQUARE)
def queries_and_keys_exchanged_on_the_way_back(dout, cache):
    q, k, *rest = cache
    return S.attention_backward(dout, (k, q, *rest))


@bug("wrong-cache-variable", S.ATTENTION)
def softmax_gradient_from_the_raw_scores(dout, cache):
    q, k, v, scores, weights, scale = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2), scores) * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("wrong-cache-variable", MULTI_HEAD)
def output_matrix_trained_on_the_words_before_attention(dout, cache):
    return *multi_head_backward(dout, cache)[:4], np.einsum("ntm,ntd->md", cache[0], dout)


@bug("wrong-cache-variable", DROPPED)
def softmax_gradient_from_the_weights_after_dropout(dout, cache):
    q, k, v, keep, rate, weights, dropped = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2) * keep / (1 - rate), dropped) / np.sqrt(q.shape[2])
    return dscores @ k, dscores.swapaxes(1, 2) @ q, dropped.swapaxes(1, 2) @ dout


@bug("mutates", DROPPED)
def attention_weights_multiplied_in_place(dout, cache):
    q, k, v, keep, rate, weights, dropped = cache
    dv = dropped.swapaxes(1, 2) @ dout
    dweights = dout @ v.swapaxes(1, 2) * keep / (1 - rate)
    dweights -= (dweights * weights).sum(axis=2, keepdims=True)
    weights *= dweights / np.sqrt(q.shape[2])
    return weights @ k, weights.swapaxes(1, 2) @ q, dv


@bug("wrong-shape", RELATIVE)
def position_bias_for_each_pair(dout, cache):
    q, k, v, bias, apart, weights, scale = cache
    dscores = softmax_gradient(dout @ v.swapaxes(1, 2), weights)
    return *relative_backward(dout, cache)[:3], dscores.sum(axis=0)


@bug("wrong-dtype", S.ATTENTION)
def attention_weights_kept_in_half_precision(dout, cache):
    q, k, v, scores, weights, scale = cache
    return S.attention_backward(dout, (q, k, v, scores, weights.astype(np.float16).astype(float), scale))


@bug("wrong-dtype", MULTI_HEAD)
def gradients_of_the_heads_cast_to_single(dout, cache):
    return tuple(gradient.astype(np.float32) for gradient in multi_head_backward(dout, cache))


@bug("non-finite", S.ATTENTION, inputs=normal((2, 3, 4), (2, 5, 4), (2, 5, 3), scale=100.0))
def weights_recomputed_without_subtracting_the_top(dout, cache):
    q, k, v, scores, weights, scale = cache
    weights = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    return S.attention_backward(dout, (q, k, v, scores, weights, scale))


@bug("nondeterministic", DROPPED, also=("wrong-mask",))
def attention_dropout_drawn_again(dout, cache):
    q, k, v, keep, rate, weights, dropped = cache
    again = np.random.random(keep.shape) >= rate
    return dropped_attention_backward(dout, (q, k, v, again, rate, weights, dropped))


@bug("nondeterministic", RELATIVE, inputs=forgetting(MEMORY, RELATIVE.inputs))
def position_bias_gathered_for_ever(dout, cache):
    q, k, v, bias, apart, weights, scale = cache
    dbias = MEMORY.setdefault("bias", np.zeros_like(bias))
    np.add.at(dbias, apart, softmax_gradient(dout @ v.swapaxes(1, 2), weights).sum(axis=0))
    return *relative_backward(dout, cache)[:3], dbias


@bug("zero-gradient", RELATIVE)
def position_bias_never_filled(dout, cache):
    return *relative_backward(dout, cache)[:3], np.zeros_like(cache[3])


@bug("zero-gradient", MULTI_HEAD)
def keys_of_the_heads_detached(dout, cache):
    dx, dwq, dwk, dwv, dwo = multi_head_backward(dout, cache)
    return dx, dwq, np.zeros_like(dwk), dwv, dwo


@bug("mutates", ROTARY)
def halves_of_dout_turned_in_place(dout, cache):
    cos, sin = cache
    first, second = np.split(dout, 2, axis=2)
    kept = first.copy()
    first *= cos
    first += second * sin
    second *= cos
    second -= kept * sin
    return dout


@bug("zero-gradient", ADDITIVE)
def query_of_additive_attention_taken_for_a_constant(dout, cache):
    _, *others = additive_backward(dout, cache)
    return np.zeros_like(cache[0]), *others


@bug("wrong-dtype", RELATIVE)
def position_bias_added_up_in_single_precision(dout, cache):
    q, k, v, bias, apart, weights, scale = cache
    dbias = np.zeros(bias.shape, dtype=np.float32)
    np.add.at(dbias, apart, softmax_gradient(dout @ v.swapaxes(1, 2), weights).sum(axis=0))
    return *relative_backward(dout, cache)[:3], dbias
