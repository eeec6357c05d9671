"""Wrong layers of sequences: word vectors, positions, windows in time, pooling, paths of tags, losses of words."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import Planted, forgetting, normal, planting
from tests.gradcheck.planted_families.unseen_nets import (
    SAFE_MEAN,
    SMOOTHED,
    TOP,
    WINDOW_MEAN,
    WORDS,
    words_backward,
)  # fmt: skip

UNSEEN_SEQUENCES = []
bug = planting(UNSEEN_SEQUENCES)


def seen(k, steps, stride, dilation):
    """The steps in time that tap k of a window sees."""
    return slice(k * dilation, k * dilation + stride * (steps - 1) + 1, stride)


def time_conv_forward(x, w, b, stride=1, dilation=1, pad=(0, 0)):
    """x: (N, T, D), w: (K, D, M), with pad[0] zeros before the sequence and pad[1] after it."""
    padded = np.pad(x, ((0, 0), pad, (0, 0)))
    steps = (padded.shape[1] - dilation * (len(w) - 1) - 1) // stride + 1
    out = sum(padded[:, seen(k, steps, stride, dilation)] @ w[k] for k in range(len(w))) + b
    return out, (x, padded, w, stride, dilation, pad)


def time_conv_backward(dout, cache):
    x, padded, w, stride, dilation, pad = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for k in range(len(w)):
        here = seen(k, dout.shape[1], stride, dilation)
        dpadded[:, here] += dout @ w[k].T
        dw[k] = np.einsum("ntd,ntm->dm", padded[:, here], dout)
    return dpadded[:, pad[0] : pad[0] + x.shape[1]], dw, dout.sum(axis=(0, 1))


def logsumexp(scores, axis):
    top = scores.max(axis=axis, keepdims=True)
    return np.squeeze(np.log(np.exp(scores - top).sum(axis=axis, keepdims=True)) + top, axis)


def crf_forward(emissions, transitions, start):
    """Log-sum-exp over all paths; emissions: (N, T, K), transitions: (K, K) from a tag to a tag, start: (K,)."""
    alphas = [emissions[:, 0] + start]
    for t in range(1, emissions.shape[1]):
        alphas.append(emissions[:, t] + logsumexp(alphas[-1][:, :, None] + transitions, axis=1))
    return logsumexp(alphas[-1], axis=1), (emissions, transitions, alphas)


def crf_backward(dout, cache):
    emissions, transitions, alphas = cache
    demissions, dtransitions = np.zeros_like(emissions), np.zeros_like(transitions)
    dalpha = dout[:, None] * S.softmax(alphas[-1])
    for t in reversed(range(1, len(alphas))):
        demissions[:, t] = dalpha
        share = S.softmax((alphas[t - 1][:, :, None] + transitions).swapaxes(1, 2)).swapaxes(1, 2)
        flow = share * dalpha[:, None]
        dtransitions += flow.sum(axis=0)
        dalpha = flow.sum(axis=2)
    demissions[:, 0] = dalpha
    return demissions, dtransitions, dalpha.sum(axis=0)


TIME_CONV = Planted("convolution over time, stride 2", "convolution", time_conv_forward, time_conv_backward,
                    normal((2, 7, 3), (3, 3, 3), (3,)), options={"stride": 2, "pad": (1, 1)})  # fmt: skip
CAUSAL_CONV = Planted("causal dilated convolution over time", "convolution", time_conv_forward, time_conv_backward,
                      normal((2, 6, 3), (3, 3, 2), (2,)), options={"dilation": 2, "pad": (4, 0)})  # fmt: skip
CRF = Planted("log-sum-exp over tag paths", "path", crf_forward, crf_backward, normal((2, 4, 3), (3, 3), (3,)))


FAINTLY_SMOOTHED = replace(SMOOTHED, name="faintly smoothed loss of words", options={"smoothing": 0.01})
RIGHT = [FAINTLY_SMOOTHED, TIME_CONV, CAUSAL_CONV, CRF]
MEMORY = {}


@bug("not-accumulated", WORDS)
def word_vectors_of_repeated_words_assigned_by_index(dout, cache):
    words, segments, w, places, s = cache
    dw, dplaces, ds = np.zeros_like(w), np.zeros_like(places), np.zeros_like(s)
    dw[words] += dout
    np.add.at(ds, segments, dout)
    dplaces[: words.shape[1]] = dout.sum(axis=0)
    return dw, dplaces, ds


@bug("not-accumulated", WORDS)
def segment_vectors_from_the_last_sentence(dout, cache):
    words, segments, w, places, s = cache
    dw, dplaces, _ = words_backward(dout, cache)
    ds = np.zeros_like(s)
    for row, dout_row in zip(segments, dout):
        for segment in range(len(s)):
            ds[segment] = dout_row[row == segment].sum(axis=0)
    return dw, dplaces, ds


@bug("wrong-shape", WORDS)
def place_vectors_only_as_many_as_the_words(dout, cache):
    dw, _, ds = words_backward(dout, cache)
    return dw, dout.sum(axis=0), ds


@bug("constant-factor", WORDS)
def place_vectors_averaged_over_the_batch(dout, cache):
    dw, dplaces, ds = words_backward(dout, cache)
    dplaces[: dout.shape[1]] = dout.mean(axis=0)
    return dw, dplaces, ds


@bug("zero-gradient", WORDS)
def segment_vectors_taken_for_constants(dout, cache):
    words, segments, w, places, s = cache
    dw, dplaces, ds = np.zeros_like(w), np.zeros_like(places), np.zeros_like(s)
    np.add.at(dw, words, dout)
    dplaces[: words.shape[1]] += dout.sum(axis=0)
    return dw, dplaces, ds


@bug("missing-mask", S.PADDED_EMBEDDING)
def padding_index_trained_like_a_word(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, x.ravel(), dout.reshape(-1, w.shape[1]))
    return dw


@bug("wrong-mask", S.PADDED_EMBEDDING)
def words_counted_from_index_two(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, x, dout * (x > 1)[..., None])
    return dw


@bug("wrong-dtype", S.EMBEDDING)
def word_vectors_scattered_in_single_precision(dout, cache):
    x, w = cache
    dw = np.zeros(w.shape, dtype=np.float32)
    np.add.at(dw, x, dout)
    return dw


@bug("stride", TIME_CONV)
def time_windows_taken_one_step_apart(dout, cache):
    x, padded, w, stride, dilation, pad = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for k in range(len(w)):
        here = seen(k, dout.shape[1], 1, dilation)
        dpadded[:, here] += dout @ w[k].T
        dw[k] = np.einsum("ntd,ntm->dm", padded[:, here], dout)
    return dpadded[:, pad[0] : pad[0] + x.shape[1]], dw, dout.sum(axis=(0, 1))


@bug("stride", CAUSAL_CONV)
def dilation_of_time_windows_forgotten_in_dx(dout, cache):
    x, padded, w, stride, dilation, pad = cache
    _, dw, db = time_conv_backward(dout, cache)
    dpadded = np.zeros_like(padded)
    for k in range(len(w)):
        dpadded[:, seen(k, dout.shape[1], stride, 1)] += dout @ w[k].T
    return dpadded[:, pad[0] : pad[0] + x.shape[1]], dw, db


@bug("border", TIME_CONV, also=("wrong-mask",))
def taps_before_step_one_taken_for_padding(dout, cache):
    x, padded, w, stride, dilation, pad = cache
    dx = np.zeros_like(x)
    for i, k in np.ndindex(dout.shape[1], len(w)):
        t = i * stride + k * dilation - pad[0]
        if 0 < t < x.shape[1]:
            dx[:, t] += dout[:, i] @ w[k].T
    return dx, *time_conv_backward(dout, cache)[1:]


@bug("stride", CAUSAL_CONV, also=("border",))
def causal_padding_cropped_as_if_it_were_on_both_sides(dout, cache):
    x, padded, w, stride, dilation, pad = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for k in range(len(w)):
        here = seen(k, dout.shape[1], stride, dilation)
        dpadded[:, here] += dout @ w[k].T
        dw[k] = np.einsum("ntd,ntm->dm", padded[:, here], dout)
    crop = sum(pad) // 2
    return dpadded[:, crop : crop + x.shape[1]], dw, dout.sum(axis=(0, 1))


@bug("not-accumulated", TIME_CONV)
def overlapping_time_windows_overwrite(dout, cache):
    x, padded, w, stride, dilation, pad = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for k in range(len(w)):
        here = seen(k, dout.shape[1], stride, dilation)
        dpadded[:, here] = dout @ w[k].T
        dw[k] = np.einsum("ntd,ntm->dm", padded[:, here], dout)
    return dpadded[:, pad[0] : pad[0] + x.shape[1]], dw, dout.sum(axis=(0, 1))


@bug("transposed", TIME_CONV)
def filters_over_time_not_transposed(dout, cache):
    x, padded, w, stride, dilation, pad = cache
    _, dw, db = time_conv_backward(dout, cache)
    dpadded = np.zeros_like(padded)
    for k in range(len(w)):
        dpadded[:, seen(k, dout.shape[1], stride, dilation)] += dout @ w[k]
    return dpadded[:, pad[0] : pad[0] + x.shape[1]], dw, db


@bug("wrong-shape", CAUSAL_CONV)
def zeros_before_the_sequence_not_cropped(dout, cache):
    x, padded, w, stride, dilation, pad = cache
    dpadded = np.zeros_like(padded)
    for k in range(len(w)):
        dpadded[:, seen(k, dout.shape[1], stride, dilation)] += dout @ w[k].T
    return dpadded, *time_conv_backward(dout, cache)[1:]


@bug("border", WINDOW_MEAN)
def short_windows_divided_by_the_full_size(dout, cache):
    x, starts, size = cache
    dx = np.zeros_like(x)
    for i, s in enumerate(starts):
        dx[:, s : s + size] += dout[:, i, None] / size
    return dx


@bug("stride", WINDOW_MEAN)
def window_gradients_laid_side_by_side(dout, cache):
    x, starts, size = cache
    dx = np.zeros_like(x)
    for i, s in enumerate(starts):
        dx[:, i * size : (i + 1) * size] += dout[:, i, None] / min(size, x.shape[1] - s)
    return dx


@bug("not-accumulated", WINDOW_MEAN)
def windows_in_time_keep_the_last_gradient(dout, cache):
    x, starts, size = cache
    dx = np.zeros_like(x)
    for i, s in enumerate(starts):
        dx[:, s : s + size] = dout[:, i, None] / dx[:, s : s + size].shape[1]
    return dx


@bug("wrong-mask", TOP, also=("wrong-cache-variable",))
def winner_sought_among_the_padding_too(dout, cache):
    x, mask, best = cache
    dx = np.zeros_like(x)
    np.put_along_axis(dx, x.argmax(axis=1)[:, None], dout[:, None], axis=1)
    return dx


@bug("wrong-mask", TOP, inputs=lambda rng: (rng.integers(0, 2, (3, 6, 4)) * 1.0, np.arange(6) < [[6], [5], [4]]))
def every_tied_word_wins(dout, cache):
    x, mask, best = cache
    top = np.take_along_axis(x, best, axis=1)
    return dout[:, None] * (x == top) * mask[..., None]


@bug("missing-mask", SAFE_MEAN)
def mean_of_words_reaches_the_padding(dout, cache):
    x, mask, count = cache
    return np.repeat((dout / count)[:, None], x.shape[1], axis=1)


@bug("non-finite", SAFE_MEAN)
def mean_of_an_empty_sentence_divided_by_zero(dout, cache):
    x, mask, count = cache
    return (dout / mask.sum(axis=1)[:, None])[:, None] * mask[..., None]


@bug("constant-factor", SMOOTHED, also=("missing-mask",))
def loss_of_words_divided_by_all_places(dout, cache):
    probs, target, on, count = cache
    return dout * (probs - target) * on[..., None] / on.size


@bug("missing-mask", SMOOTHED)
def ignored_words_pulled_to_the_smoothed_target(dout, cache):
    probs, target, on, count = cache
    return dout * (probs - target) / count


@bug("missing-term", FAINTLY_SMOOTHED, also=("wrong-cache-variable",))
def smoothing_left_out_of_the_target(dout, cache):
    probs, target, on, count = cache
    hard = target == target.max(axis=2, keepdims=True)
    return dout * (probs - hard) * on[..., None] / count


@bug("border", L.TEMPORAL_SOFTMAX, also=("wrong-mask", "missing-term"))
def loss_of_the_first_word_not_sent_back(dout, cache):
    probs, y, mask = cache
    dx = np.zeros_like(probs)
    for t in range(1, probs.shape[1]):
        dx[:, t] = (probs[:, t] - np.eye(probs.shape[2])[y[:, t]]) * mask[:, t, None]
    return dout * dx / len(dx)


@bug("sign", L.TEMPORAL_SOFTMAX)
def loss_of_words_pushes_the_wrong_way(dout, cache):
    probs, y, mask = cache
    right = np.eye(probs.shape[2])[y]
    return dout * (right - probs) * mask[..., None] / len(probs)


@bug("missing-term", CRF, also=("border",))
def transitions_of_the_first_step_left_out(dout, cache):
    emissions, transitions, alphas = cache
    demissions, dtransitions, dstart = crf_backward(dout, cache)
    share = S.softmax((alphas[0][:, :, None] + transitions).swapaxes(1, 2)).swapaxes(1, 2)
    return demissions, dtransitions - (share * demissions[:, 1][:, None]).sum(axis=0), dstart


@bug("transposed", CRF)
def transitions_from_and_to_exchanged(dout, cache):
    demissions, dtransitions, dstart = crf_backward(dout, cache)
    return demissions, dtransitions.T, dstart


@bug("mutates", SMOOTHED)
def probabilities_of_words_become_the_gradient_in_place(dout, cache):
    probs, target, on, count = cache
    probs -= target
    return dout * probs * on[..., None] / count


@bug("nondeterministic", WORDS, inputs=forgetting(MEMORY, WORDS.inputs))
def word_vectors_gathered_in_a_buffer_never_cleared(dout, cache):
    words, segments, w, places, s = cache
    _, dplaces, ds = words_backward(dout, cache)
    dw = MEMORY.setdefault("dw", np.zeros_like(w))
    np.add.at(dw, words, dout)
    return dw, dplaces, ds


@bug("sign", L.TEMPORAL_SOFTMAX)
def one_added_at_the_right_word(dout, cache):
    probs, y, mask = cache
    dx = probs.copy()
    np.put_along_axis(dx, y[..., None], np.take_along_axis(dx, y[..., None], axis=2) + 1, axis=2)
    return dout * dx * mask[..., None] / len(dx)


@bug("wrong-dtype", TOP)
def winners_scattered_into_single_precision(dout, cache):
    x, _, best = cache
    dx = np.zeros(x.shape, dtype="float32")
    np.put_along_axis(dx, best, dout[:, None], axis=1)
    return dx


@bug("wrong-cache-variable", CRF)
def flow_of_paths_from_the_emissions(dout, cache):
    emissions, transitions, alphas = cache
    return crf_backward(dout, (emissions, transitions, [*emissions[:, :-1].swapaxes(0, 1), alphas[-1]]))


@bug("non-finite", CRF, inputs=normal((2, 4, 3), (3, 3), (3,), shift=400.0))
def path_shares_without_subtracting_the_largest(dout, cache):
    emissions, transitions, alphas = cache
    demissions, dtransitions = np.zeros_like(emissions), np.zeros_like(transitions)
    dalpha = dout[:, None] * np.exp(alphas[-1]) / np.exp(alphas[-1]).sum(axis=1, keepdims=True)
    for t in reversed(range(1, len(alphas))):
        demissions[:, t] = dalpha
        paths = np.exp(alphas[t - 1][:, :, None] + transitions)
        flow = paths / paths.sum(axis=1, keepdims=True) * dalpha[:, None]
        dtransitions += flow.sum(axis=0)
        dalpha = flow.sum(axis=2)
    demissions[:, 0] = dalpha
    return demissions, dtransitions, dalpha.sum(axis=0)


@bug("not-accumulated", D.TEMPORAL)
def bias_over_time_from_the_last_step(dout, cache):
    x, w, b = cache
    dw = sum(x[:, t].T @ dout[:, t] for t in range(x.shape[1]))
    return dout @ w.T, dw, dout[:, -1].sum(axis=0)
