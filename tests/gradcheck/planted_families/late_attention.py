"""Wrong backward passes of attentions: heads, masks, additive and linear scores, temperatures and positions."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_attention as A
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import forgetting, planting
from tests.gradcheck.planted_families.late_layers_attention import join_heads, softmax_backward, split_heads

LATE_ATTENTION = []
bug = planting(LATE_ATTENTION)


@bug("constant-factor", A.HEADS)
def heads_scaled_on_the_way_there_only(dout, cache):
    *before, scale, heads = cache
    return A.heads_backward(dout, (*before, 1.0, heads))


@bug("wrong-cache-variable", A.HEADS)
def heads_whose_queries_learn_from_queries(dout, cache):
    x, wqkv, wo, q, k, v, weights, joined, scale, heads = cache
    return A.heads_backward(dout, (x, wqkv, wo, k, q, v, weights, joined, scale, heads))


@bug("transposed", A.HEADS)
def heads_whose_order_is_lost_in_a_reshape(dout, cache):
    x, wqkv, wo, q, k, v, weights, joined, scale, heads = cache
    dmixed = split_heads(dout @ wo.T, heads)
    dscores = softmax_backward(dmixed @ v.swapaxes(2, 3), weights) * scale
    dparts = dscores @ k, dscores.swapaxes(2, 3) @ q, weights.swapaxes(2, 3) @ dmixed
    dqkv = np.concatenate([part.reshape(x.shape) for part in dparts], axis=2)
    return dqkv @ wqkv.T, np.einsum("ntd,ntm->dm", x, dqkv), np.einsum("ntd,ntm->dm", joined, dout)


@bug("transposed", A.HEADS)
def heads_mixed_by_an_unturned_matrix(dout, cache):
    x, wqkv, wo, q, k, v, weights, joined, scale, heads = cache
    dx, dwqkv, _ = A.heads_backward(dout, (x, wqkv, wo.T, q, k, v, weights, joined, scale, heads))
    return dx, dwqkv, np.einsum("ntd,ntm->dm", joined, dout)


@bug("transposed", A.HEADS, also=("wrong-cache-variable",))
def heads_whose_keys_and_values_change_columns(dout, cache):
    dx, dwqkv, dwo = A.heads_backward(dout, cache)
    dq, dk, dv = np.split(dwqkv, 3, axis=1)
    return dx, np.concatenate([dq, dv, dk], axis=1), dwo


@bug("missing-term", A.HEADS)
def heads_whose_words_are_heard_as_values_only(dout, cache):
    x, wqkv, wo, q, k, v, weights, joined, scale, heads = cache
    _, dwqkv, dwo = A.heads_backward(dout, cache)
    dv = join_heads(weights.swapaxes(2, 3) @ split_heads(dout @ wo.T, heads))
    return dv @ np.split(wqkv, 3, axis=1)[2].T, dwqkv, dwo


@bug("missing-mask", A.PADDED_ATTENTION)
def attention_that_sends_its_gradient_to_padding(dout, cache):
    q, k, v, words, weights, scale = cache
    raw = S.softmax(q @ k.swapaxes(1, 2) * scale)
    dscores = softmax_backward(dout @ v.swapaxes(1, 2), raw) * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("wrong-mask", A.PADDED_ATTENTION, also=("border",))
def attention_past_padding_with_its_mask_one_key_short(dout, cache):
    q, k, v, words, weights, scale = cache
    short = words & np.roll(words, -1, axis=1)
    dscores = softmax_backward(dout @ v.swapaxes(1, 2), weights) * short[:, None] * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("wrong-mask", S.CAUSAL_ATTENTION)
def causal_attention_that_forbids_the_present(dout, cache):
    q, k, v, scores, weights, scale = cache
    past = np.tri(*scores.shape[1:], k=-1)
    dscores = softmax_backward(dout @ v.swapaxes(1, 2), weights) * past * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("non-finite", A.PADDED_ATTENTION)
def attention_past_padding_that_fills_its_gradient_with_minus_infinity(dout, cache):
    q, k, v, words, weights, scale = cache
    dscores = softmax_backward(dout @ v.swapaxes(1, 2), weights) * scale
    dscores = np.where(words[:, None], dscores, -np.inf)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("missing-term", A.ADDITIVE)
def additive_attention_without_the_bend_of_tanh(dout, cache):
    q, k, v, w, u, a, bent, weights = cache
    dscores = softmax_backward((dout[:, None] * v).sum(axis=2), weights)
    dbent = dscores[..., None] * a
    dsum = dbent.sum(axis=1)
    dv, da = weights[..., None] * dout[:, None], np.einsum("ns,nsh->h", dscores, bent)
    return dsum @ w.T, dbent @ u.T, dv, q.T @ dsum, np.einsum("nse,nsh->eh", k, dbent), da


@bug("not-accumulated", A.ADDITIVE)
def additive_attention_whose_query_hears_the_first_key(dout, cache):
    q, k, v, w, u, a, bent, weights = cache
    _, dk, dv, _, du, da = A.additive_backward(dout, cache)
    dscores = softmax_backward((dout[:, None] * v).sum(axis=2), weights)
    done = (dscores[..., None] * a * (1 - bent**2))[:, 0]
    return done @ w.T, dk, dv, q.T @ done, du, da


@bug("missing-term", A.ADDITIVE)
def additive_attention_whose_softmax_has_no_second_part(dout, cache):
    q, k, v, w, u, a, bent, weights = cache
    dscores = weights * (dout[:, None] * v).sum(axis=2)
    dbent = dscores[..., None] * a * (1 - bent**2)
    dsum = dbent.sum(axis=1)
    dv, da = weights[..., None] * dout[:, None], np.einsum("ns,nsh->h", dscores, bent)
    return dsum @ w.T, dbent @ u.T, dv, q.T @ dsum, np.einsum("nse,nsh->eh", k, dbent), da


@bug("zero-gradient", A.ADDITIVE)
def additive_attention_whose_readout_does_not_learn(dout, cache):
    *rest, da = A.additive_backward(dout, cache)
    return *rest, np.zeros_like(da)


@bug("wrong-shape", A.ADDITIVE)
def additive_attention_with_a_query_for_each_key(dout, cache):
    q, k, v, w, u, a, bent, weights = cache
    _, dk, dv, dw, du, da = A.additive_backward(dout, cache)
    dscores = softmax_backward((dout[:, None] * v).sum(axis=2), weights)
    return (dscores[..., None] * a * (1 - bent**2)) @ w.T, dk, dv, dw, du, da


@bug("missing-term", A.LINEAR)
def linear_attention_without_its_normaliser(dout, cache):
    q, k, v, fq, fk, state, total, norm = cache
    dtop = dout / norm
    dstate = fq.swapaxes(1, 2) @ dtop
    dq = dtop @ state.swapaxes(1, 2) * np.minimum(fq, 1)
    return dq, v @ dstate.swapaxes(1, 2) * np.minimum(fk, 1), fk @ dstate


def linear_like(dout, cache, sign=-1, slope=lambda x, f: np.minimum(f, 1), keys=1):
    """Linear attention's way back with one part or another changed."""
    q, k, v, fq, fk, state, total, norm = cache
    dtop = dout / norm
    dnorm = sign * (dout * (fq @ state)).sum(axis=2) / norm[..., 0] ** 2
    dstate = fq.swapaxes(1, 2) @ dtop
    dfq = dtop @ state.swapaxes(1, 2) + dnorm[..., None] * total[:, None]
    dfk = v @ dstate.swapaxes(1, 2) + keys * np.einsum("nt,ntd->nd", dnorm, fq)[:, None]
    return dfq * slope(q, fq), dfk * slope(k, fk), fk @ dstate


@bug("sign", A.LINEAR)
def linear_attention_that_adds_its_normaliser(dout, cache):
    return linear_like(dout, cache, sign=1)


@bug("missing-term", A.LINEAR)
def linear_attention_whose_keys_are_not_in_the_normaliser(dout, cache):
    return linear_like(dout, cache, keys=0)


@bug("wrong-mask", A.LINEAR, also=("missing-term",))
def linear_attention_whose_features_are_flat_below_zero(dout, cache):
    return linear_like(dout, cache, slope=lambda x, f: (x > 0) * 1.0)


@bug("missing-mask", A.LINEAR, also=("wrong-mask",))
def linear_attention_whose_features_bend_everywhere(dout, cache):
    return linear_like(dout, cache, slope=lambda x, f: f)


@bug("not-accumulated", A.BIASED)
def distances_that_keep_the_last_pair(dout, cache):
    q, k, v, table, index, weights = cache
    *rest, dtable = A.biased_backward(dout, cache)
    dscores = softmax_backward(dout @ v.swapaxes(1, 2), weights).sum(axis=0)
    dtable = np.zeros_like(table)
    dtable[index] += dscores
    return *rest, dtable


@bug("not-accumulated", A.BIASED)
def distances_that_learn_from_the_first_example(dout, cache):
    q, k, v, table, index, weights = cache
    *rest, dtable = A.biased_backward(dout, cache)
    dtable = np.zeros_like(table)
    np.add.at(dtable, index, softmax_backward(dout @ v.swapaxes(1, 2), weights)[0])
    return *rest, dtable


@bug("transposed", A.BIASED)
def distances_counted_from_key_to_query(dout, cache):
    q, k, v, table, index, weights = cache
    return A.biased_backward(dout, (q, k, v, table, index.T, weights))


@bug("border", A.BIASED, also=("missing-term",))
def distances_whose_farthest_pair_is_left_out(dout, cache):
    *rest, dtable = A.biased_backward(dout, cache)
    near = dtable.copy()
    near[-1] = 0
    return *rest, near


@bug("sign", A.TEMPERED)
def temperature_that_rises_where_it_should_fall(dout, cache):
    dq, dk, dv, dtemperature = A.tempered_backward(dout, cache)
    return dq, dk, dv, -dtemperature


@bug("wrong-cache-variable", A.TEMPERED, also=("constant-factor",))
def temperature_that_sees_scores_already_divided(dout, cache):
    q, k, v, temperature, raw, weights = cache
    dq, dk, dv, _ = A.tempered_backward(dout, cache)
    dscores = softmax_backward(dout @ v.T, weights)
    return dq, dk, dv, -(dscores * raw / temperature).sum() / temperature**2


@bug("constant-factor", A.TEMPERED)
def temperature_that_multiplies_on_the_way_back(dout, cache):
    dq, dk, dv, dtemperature = A.tempered_backward(dout, cache)
    return dq * cache[3] ** 2, dk * cache[3] ** 2, dv, dtemperature


@bug("wrong-shape", A.TEMPERED)
def temperature_with_a_gradient_for_each_query(dout, cache):
    q, k, v, temperature, raw, weights = cache
    *rest, _ = A.tempered_backward(dout, cache)
    dscores = softmax_backward(dout @ v.T, weights)
    return *rest, -(dscores * raw).sum(axis=1) / temperature**2


@bug("missing-term", A.POOLED)
def attention_pool_whose_words_are_only_values(dout, cache):
    _, dquery = A.pooled_backward(dout, cache)
    return cache[2][..., None] * dout[:, None], dquery


@bug("missing-term", A.POOLED)
def attention_pool_whose_words_are_only_keys(dout, cache):
    x, query, weights = cache
    _, dquery = A.pooled_backward(dout, cache)
    return softmax_backward(np.einsum("nd,ntd->nt", dout, x), weights)[..., None] * query, dquery


@bug("transposed", A.POOLED, also=("wrong-cache-variable",), inputs=lambda rng: (
    rng.normal(size=(4, 4, 3)), rng.normal(size=3)))  # fmt: skip
def attention_pool_with_a_softmax_over_the_batch(dout, cache):
    x, query, weights = cache
    dscores = softmax_backward(np.einsum("nd,ntd->nt", dout, x), weights, axis=0)
    return weights[..., None] * dout[:, None] + dscores[..., None] * query, np.einsum("nt,ntd->d", dscores, x)


@bug("mutates", A.POOLED)
def attention_pool_that_overwrites_its_weights(dout, cache):
    x, query, weights = cache
    dx = weights[..., None] * dout[:, None]
    dweights = np.einsum("nd,ntd->nt", dout, x)
    weights *= dweights - (dweights * weights).sum(axis=1, keepdims=True)
    return dx + weights[..., None] * query, np.einsum("nt,ntd->d", weights, x)


@bug("sign", A.TURNED, also=("transposed",))
def rotary_positions_turned_forwards_again(dout, cache):
    cos, sin = cache
    da, db = np.split(dout, 2, axis=2)
    return np.concatenate([da * cos - db * sin, da * sin + db * cos], axis=2)


@bug("missing-term", A.TURNED)
def rotary_positions_whose_second_half_forgets_the_first(dout, cache):
    cos, sin = cache
    da, db = np.split(dout, 2, axis=2)
    return np.concatenate([da * cos + db * sin, db * cos], axis=2)


@bug("stride", A.TURNED, also=("transposed",))
def rotary_positions_paired_with_their_neighbours(dout, cache):
    cos, sin = cache
    dx, da, db = np.zeros_like(dout), dout[..., ::2], dout[..., 1::2]
    dx[..., ::2], dx[..., 1::2] = da * cos + db * sin, db * cos - da * sin
    return dx


@bug("missing-mask", A.DROPPED)
def dropped_attention_that_goes_back_through_all_weights(dout, cache):
    q, k, v, keep, share, weights, kept = cache
    dscores = softmax_backward(dout @ v.swapaxes(1, 2) / share, weights)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, kept.swapaxes(1, 2) @ dout


@bug("wrong-cache-variable", A.DROPPED, also=("missing-mask",))
def dropped_attention_whose_values_see_all_weights(dout, cache):
    dq, dk, _ = A.dropped_backward(dout, cache)
    return dq, dk, cache[5].swapaxes(1, 2) @ dout


@bug("wrong-cache-variable", A.DROPPED)
def dropped_attention_with_a_softmax_of_the_kept(dout, cache):
    q, k, v, keep, share, weights, kept = cache
    dscores = softmax_backward(dout @ v.swapaxes(1, 2) * keep / share, kept)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, kept.swapaxes(1, 2) @ dout


drawn_again = {}


@bug("nondeterministic", A.DROPPED, also=("wrong-mask",), inputs=forgetting(drawn_again, A.DROPPED.inputs))
def dropped_attention_that_draws_again(dout, cache):
    q, k, v, keep, share, weights, kept = cache
    rng = drawn_again.setdefault("rng", np.random.default_rng(5))
    keep = rng.random(keep.shape) < share
    return A.dropped_backward(dout, (q, k, v, keep, share, weights, weights * keep / share))


@bug("missing-term", A.TRANSFORMER)
def transformer_block_without_its_skip(dout, cache):
    dx, *rest = A.transformer_backward(dout, cache)
    return dx - dout, *rest


@bug("missing-term", A.TRANSFORMER)
def transformer_block_whose_norm_forgets_mean_and_deviation(dout, cache):
    (x, x_hat, gamma, std), inner = cache
    _, *rest = A.transformer_backward(dout, cache)
    dnormed = S.self_attention_backward(dout, inner)[0].reshape(-1, len(gamma))
    return dout + (dnormed * gamma / std).reshape(dout.shape), *rest


@bug("wrong-dtype", A.TRANSFORMER)
def transformer_block_whose_norm_runs_in_single_precision(dout, cache):
    norm_cache, inner = cache
    dnormed, dwq, dwk, dwv = S.self_attention_backward(dout, inner)
    small = tuple(a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in norm_cache)
    dx, dgamma, dbeta = N.layer_norm_backward(dnormed.reshape(-1, dout.shape[2]).astype(np.float32), small)
    return dout + dx.reshape(dout.shape), dgamma.astype(float), dbeta.astype(float), dwq, dwk, dwv
