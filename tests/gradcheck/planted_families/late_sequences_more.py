"""More wrong backward passes: a small language model, scores in time, embeddings and masked means."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_sequences as Q
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import forgetting, planting

LATE_SEQUENCES_MORE = []
bug = planting(LATE_SEQUENCES_MORE)


@bug("not-accumulated", Q.LANGUAGE)
def language_model_that_hears_a_repeated_word_once(dout, cache):
    words, y, emb, hs, wo, probs, inner = cache
    _, *rest = Q.language_backward(dout, cache)
    dscores = dout * (probs - (np.arange(wo.shape[1]) == y[..., None])) / y.size
    demb = np.zeros_like(emb)
    demb[words] += S.rnn_backward(dscores @ wo.T, inner)[0]
    return demb, *rest


@bug("constant-factor", Q.LANGUAGE)
def language_model_divided_by_sentences(dout, cache):
    return Q.language_backward(dout * cache[1].shape[1], cache)


@bug("missing-term", Q.LANGUAGE, also=("not-accumulated",))
def language_model_that_looks_back_one_step(dout, cache):
    words, y, emb, hs, wo, probs, (x, states, wx, wh) = cache
    dscores = dout * (probs - (np.arange(wo.shape[1]) == y[..., None])) / y.size
    dz = (dscores @ wo.T) * (1 - hs**2)
    demb = np.zeros_like(emb)
    np.add.at(demb, words, dz @ wx.T)
    before = np.stack(states[:-1], axis=1)
    dwx, dwh = np.einsum("ntd,nth->dh", x, dz), np.einsum("ntg,nth->gh", before, dz)
    return demb, dwx, dwh, dz.sum(axis=(0, 1)), np.einsum("nth,ntv->hv", hs, dscores)


@bug("wrong-cache-variable", Q.LANGUAGE)
def language_model_whose_readout_sees_the_states_before(dout, cache):
    words, y, emb, hs, wo, probs, inner = cache
    *rest, _ = Q.language_backward(dout, cache)
    dscores = dout * (probs - (np.arange(wo.shape[1]) == y[..., None])) / y.size
    return *rest, np.einsum("nth,ntv->hv", np.stack(inner[1][:-1], axis=1), dscores)


@bug("zero-gradient", Q.LANGUAGE)
def language_model_with_frozen_vectors(dout, cache):
    demb, *rest = Q.language_backward(dout, cache)
    return np.zeros_like(demb), *rest


@bug("wrong-dtype", Q.LANGUAGE)
def language_model_whose_vectors_learn_in_half_precision(dout, cache):
    words, y, emb, hs, wo, probs, inner = cache
    demb, *rest = Q.language_backward(dout, cache)
    return demb.astype(np.float16).astype(np.float64), *rest


@bug("transposed", Q.SCORES)
def temporal_scores_through_unturned_weights(dout, cache):
    x, w = cache
    return dout @ w, np.einsum("ntd,ntv->dv", x, dout), dout.sum(axis=(0, 1))


@bug("transposed", Q.SCORES)
def temporal_scores_whose_weights_lie_on_their_side(dout, cache):
    x, w = cache
    return dout @ w.T, np.einsum("ntv,ntd->vd", dout, x), dout.sum(axis=(0, 1))


@bug("wrong-shape", Q.SCORES)
def temporal_scores_with_weights_for_each_sentence(dout, cache):
    x, w = cache
    return dout @ w.T, x.swapaxes(1, 2) @ dout, dout.sum(axis=(0, 1))


@bug("not-accumulated", Q.SCORES)
def temporal_scores_that_learn_from_the_last_step(dout, cache):
    x, w = cache
    for t in range(x.shape[1]):
        dw = x[:, t].T @ dout[:, t]
    return dout @ w.T, dw, dout.sum(axis=(0, 1))


@bug("mutates", Q.SCORES)
def temporal_scores_that_step_their_weights(dout, cache):
    x, w = cache
    dx, dw = dout @ w.T, np.einsum("ntd,ntv->dv", x, dout)
    w -= 1e-3 * dw
    return dx, dw, dout.sum(axis=(0, 1))


average = {}


@bug("nondeterministic", Q.SCORES, inputs=forgetting(average, Q.SCORES.inputs))
def temporal_scores_with_a_moving_average_of_the_bias(dout, cache):
    dx, dw, db = Q.score_backward(dout, cache)
    average["db"] = 0.5 * average.get("db", 0) + 0.5 * db
    return dx, dw, average["db"]


@bug("missing-mask", S.PADDED_EMBEDDING)
def embedding_that_teaches_the_empty_word(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, x, dout)
    return dw


@bug("wrong-shape", S.POSITIONS)
def positions_for_each_sentence(dout, _):
    return dout.copy(), dout.copy()


@bug("constant-factor", S.MASKED_MEAN, also=("missing-term",))
def masked_mean_that_is_not_divided(dout, cache):
    x, mask = cache
    return dout[:, None] * mask[..., None]


@bug("constant-factor", S.MASKED_MEAN, also=("wrong-mask",))
def masked_mean_divided_by_the_padded_length(dout, cache):
    x, mask = cache
    return dout[:, None] * mask[..., None] / x.shape[1]


def one_silent(rng):
    x, mask = S.MASKED_MEAN.inputs(rng)
    mask = mask.copy()
    mask[1] = False
    return x, mask


def guarded_mean_forward(x, mask):
    count = np.maximum(mask.sum(axis=1), 1)[:, None]
    return (x * mask[..., None]).sum(axis=1) / count, (x, mask)


@bug("non-finite", S.MASKED_MEAN, forward=guarded_mean_forward, inputs=one_silent)
def masked_mean_of_a_sentence_without_words(dout, cache):
    x, mask = cache
    return (dout / mask.sum(axis=1)[:, None])[:, None] * mask[..., None]
