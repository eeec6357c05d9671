"""Wrong backward passes of sequence losses, language models, sums in time, bags and last states."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_sequences as Q
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import forgetting, planting

LATE_SEQUENCES = []
bug = planting(LATE_SEQUENCES)


@bug("missing-mask", Q.WORD_LOSS)
def temporal_loss_that_learns_from_padding(dout, cache):
    x, y, mask, probs = cache
    return dout * (probs - (np.arange(x.shape[2]) == y[..., None])) / len(x)


@bug("constant-factor", Q.WORD_LOSS)
def temporal_loss_divided_by_its_words(dout, cache):
    x, y, mask, probs = cache
    return Q.word_loss_backward(dout, cache) * len(x) / mask.sum()


@bug("wrong-mask", Q.WORD_LOSS, also=("missing-mask",))
def temporal_loss_whose_mask_covers_the_labels_only(dout, cache):
    x, y, mask, probs = cache
    target = (np.arange(x.shape[2]) == y[..., None]) * mask[..., None]
    return dout * (probs - target) / len(x)


@bug("wrong-cache-variable", Q.WORD_LOSS)
def temporal_loss_of_scores_for_probabilities(dout, cache):
    x, y, mask, _ = cache
    return Q.word_loss_backward(dout, (x, y, mask, x))


@bug("mutates", Q.WORD_LOSS)
def temporal_loss_that_works_in_its_probabilities(dout, cache):
    x, y, mask, probs = cache
    n, t = np.indices(y.shape)
    probs[n, t, y] -= 1
    return dout * probs * mask[..., None] / len(x)


@bug("wrong-dtype", Q.WORD_LOSS)
def temporal_loss_in_single_precision(dout, cache):
    return Q.word_loss_backward(dout, cache).astype(np.float32)


@bug("stride", Q.WORD_LOSS, also=("wrong-cache-variable",))
def temporal_loss_whose_labels_are_one_step_early(dout, cache):
    x, y, mask, probs = cache
    return Q.word_loss_backward(dout, (x, np.roll(y, -1, axis=1), mask, probs))


@bug("missing-term", Q.SMOOTHED_LOSS)
def smoothed_loss_whose_gradient_is_not_smoothed(dout, cache):
    x, y, real, _, probs = cache
    sharp = np.arange(x.shape[2]) == y[..., None]
    return dout * (probs - sharp) * real[..., None] / max(real.sum(), 1)


@bug("missing-mask", Q.SMOOTHED_LOSS)
def smoothed_loss_that_does_not_ignore(dout, cache):
    x, y, real, target, probs = cache
    return dout * (probs - target) / max(real.sum(), 1)


@bug("constant-factor", Q.SMOOTHED_LOSS)
def smoothed_loss_divided_by_all_places(dout, cache):
    x, y, real, target, probs = cache
    return dout * (probs - target) * real[..., None] / y.size


@bug("wrong-mask", Q.SMOOTHED_LOSS)
def smoothed_loss_that_ignores_the_wrong_class(dout, cache):
    x, y, real, target, probs = cache
    keep = np.arange(x.shape[2]) != 0
    return dout * (probs - target) * real[..., None] * keep / real.sum()


def all_ignored(rng):
    x, y = Q.SMOOTHED_LOSS.inputs(rng)
    return x, np.zeros_like(y)


@bug("non-finite", Q.SMOOTHED_LOSS, inputs=all_ignored)
def smoothed_loss_of_nothing_but_ignored(dout, cache):
    x, y, real, target, probs = cache
    return dout * (probs - target) * real[..., None] / real.sum()


@bug("missing-term", Q.PERPLEXITY, also=("constant-factor",))
def perplexity_that_forgets_the_exponential(dout, cache):
    x, y, probs, out = cache
    return dout * (probs - (np.arange(x.shape[2]) == y[..., None])) / y.size


@bug("constant-factor", Q.PERPLEXITY)
def perplexity_divided_by_sentences(dout, cache):
    x, y, probs, out = cache
    return dout * out * (probs - (np.arange(x.shape[2]) == y[..., None])) / len(y)


@bug("sign", Q.PERPLEXITY)
def perplexity_with_target_less_probability(dout, cache):
    x, y, probs, out = cache
    return dout * out * ((np.arange(x.shape[2]) == y[..., None]) - probs) / y.size


@bug("non-finite", Q.PERPLEXITY, inputs=lambda rng: (
    rng.normal(size=(2, 4, 5)) + 800 * (np.arange(5) == 2), np.full((2, 4), 2)))  # fmt: skip
def perplexity_with_an_unshifted_softmax(dout, cache):
    x, y, _, out = cache
    e = np.exp(x)
    return Q.perplexity_backward(dout, (x, y, e / e.sum(axis=2, keepdims=True), out))


def chain_like(dout, cache, moved=True, path=True, turn=False, first=True, add=True):
    """The chain's way back with one part or another changed."""
    x, moves, y, alphas = cache
    dx, dmoves = np.zeros_like(x), np.zeros_like(moves)
    here = S.softmax(alphas[-1])
    for t in reversed(range(1, x.shape[1])):
        dx[:, t] = here
        scores = alphas[t - 1][:, :, None] + (moves.T if turn else moves)
        came = S.softmax(scores.swapaxes(1, 2)).swapaxes(1, 2) * here[:, None]
        dmoves = dmoves + came.sum(axis=0) if add else came.sum(axis=0)
        here = came.sum(axis=2)
    if first:
        dx[:, 0] = here
    if path:
        dx -= np.arange(x.shape[2]) == y[..., None]
    if moved:
        np.add.at(dmoves, (y[:, :-1], y[:, 1:]), -1)
    return dout * dx / len(x), dout * dmoves / len(x)


@bug("missing-term", Q.CHAIN)
def chain_whose_moves_forget_the_path(dout, cache):
    return chain_like(dout, cache, moved=False)


@bug("missing-term", Q.CHAIN)
def chain_whose_scores_forget_the_path(dout, cache):
    return chain_like(dout, cache, path=False)


@bug("transposed", Q.CHAIN)
def chain_that_walks_back_over_turned_moves(dout, cache):
    return chain_like(dout, cache, turn=True)


@bug("border", Q.CHAIN, also=("missing-term",))
def chain_whose_first_step_is_not_filled(dout, cache):
    return chain_like(dout, cache, first=False)


@bug("not-accumulated", Q.CHAIN)
def chain_whose_moves_keep_the_first_step(dout, cache):
    return chain_like(dout, cache, add=False)


def draw_many_moves(rng):
    return rng.normal(size=(3, 6, 2)), rng.normal(size=(2, 2)), rng.integers(0, 2, (3, 6))


@bug("not-accumulated", Q.CHAIN, inputs=draw_many_moves)
def chain_that_counts_a_repeated_move_once(dout, cache):
    x, moves, y, alphas = cache
    dx, _ = Q.chain_backward(dout, cache)
    _, dmoves = chain_like(1.0, cache, moved=False)
    dmoves[y[:, :-1], y[:, 1:]] -= 1 / len(x)
    return dx, dout * dmoves


@bug("constant-factor", Q.CONTRAST)
def contrast_that_loses_its_heat(dout, cache):
    a, b, probs, heat = cache
    return Q.contrast_backward(dout, (a, b, probs, 1.0))


@bug("transposed", Q.CONTRAST)
def contrast_whose_second_rows_learn_from_unturned_scores(dout, cache):
    a, b, probs, heat = cache
    dscores = dout * (probs - np.eye(len(a))) / (len(a) * heat)
    return dscores @ b, dscores @ a


@bug("zero-gradient", Q.CONTRAST)
def contrast_whose_second_rows_are_stopped(dout, cache):
    da, db = Q.contrast_backward(dout, cache)
    return da, np.zeros_like(db)


@bug("wrong-cache-variable", Q.CONTRAST)
def contrast_whose_rows_learn_from_themselves(dout, cache):
    a, b, probs, heat = cache
    return Q.contrast_backward(dout, (b, a, probs, heat))


@bug("missing-term", Q.CONTRAST, also=("wrong-mask",))
def contrast_that_only_pushes_apart(dout, cache):
    a, b, probs, heat = cache
    dscores = dout * probs * (1 - np.eye(len(a))) / (len(a) * heat)
    return dscores @ b, dscores.T @ a


@bug("missing-term", Q.STEADY)
def steadiness_that_pulls_the_later_only(dout, cache):
    x, steps = cache
    dx = np.zeros_like(x)
    dx[:, 1:] += steps
    return dout * dx / len(x)


@bug("not-accumulated", Q.STEADY)
def steadiness_whose_second_part_replaces_the_first(dout, cache):
    x, steps = cache
    dx = np.zeros_like(x)
    dx[:, 1:] = steps
    dx[:, :-1] = -steps
    return dout * dx / len(x)


@bug("sign", Q.STEADY)
def steadiness_that_adds_both_neighbours(dout, cache):
    x, steps = cache
    dx = np.zeros_like(x)
    dx[:, 1:] += steps
    dx[:, :-1] += steps
    return dout * dx / len(x)


@bug("border", Q.STEADY)
def steadiness_as_a_ring(dout, cache):
    x, _ = cache
    return dout * (2 * x - np.roll(x, 1, axis=1) - np.roll(x, -1, axis=1)) / len(x)


@bug("transposed", Q.RUNNING_SUM, also=("stride",))
def running_sum_summed_forwards_again(dout, _):
    return dout.cumsum(axis=1)


@bug("missing-term", Q.RUNNING_SUM, also=("not-accumulated",))
def running_sum_that_hears_its_own_step(dout, _):
    return dout.copy()


@bug("border", Q.RUNNING_SUM, also=("missing-term",))
def running_sum_without_its_own_step(dout, _):
    dx = np.zeros_like(dout)
    dx[:, :-1] = dout[:, :0:-1].cumsum(axis=1)[:, ::-1]
    return dx


@bug("stride", Q.RUNNING_MEAN, also=("wrong-cache-variable",))
def running_mean_divided_by_the_receiving_step(dout, cache):
    _, count = cache
    return dout[:, ::-1].cumsum(axis=1)[:, ::-1] / count


@bug("mutates", Q.RUNNING_MEAN)
def running_mean_that_adds_up_in_place(dout, cache):
    _, count = cache
    dout /= count
    for t in reversed(range(dout.shape[1] - 1)):
        dout[:, t] += dout[:, t + 1]
    return dout.copy()


@bug("not-accumulated", Q.BAG)
def bag_that_hears_a_repeated_word_once(dout, cache):
    words, w, weights, total, out = cache
    _, dweights = Q.bag_backward(dout, cache)
    dw = np.zeros_like(w)
    dw[words] += weights[..., None] * (dout / total)[:, None]
    return dw, dweights


@bug("missing-term", Q.BAG)
def bag_whose_weights_forget_their_total(dout, cache):
    words, w, weights, total, out = cache
    dw, _ = Q.bag_backward(dout, cache)
    return dw, np.einsum("nd,nld->nl", dout / total, w[words])


@bug("missing-term", Q.BAG, also=("constant-factor",))
def bag_whose_words_are_not_weighted(dout, cache):
    words, w, weights, total, out = cache
    _, dweights = Q.bag_backward(dout, cache)
    dw = np.zeros_like(w)
    np.add.at(dw, words, np.broadcast_to((dout / total)[:, None], (*words.shape, w.shape[1])))
    return dw, dweights


table = {}


@bug("nondeterministic", Q.BAG, inputs=forgetting(table, Q.BAG.inputs))
def bag_whose_table_is_never_cleared(dout, cache):
    words, w, weights, total, out = cache
    dw = table.setdefault("dw", np.zeros_like(w))
    np.add.at(dw, words, weights[..., None] * (dout / total)[:, None])
    return dw, Q.bag_backward(dout, cache)[1]


@bug("border", Q.LAST, also=("stride",))
def last_state_one_word_too_late(dout, cache):
    x, lengths = cache
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), lengths % x.shape[1]] = dout
    return dx


@bug("wrong-mask", Q.LAST, also=("missing-mask",))
def last_state_sent_to_every_word(dout, cache):
    x, lengths = cache
    return dout[:, None] * (np.arange(x.shape[1]) < lengths[:, None])[..., None]


@bug("zero-gradient", Q.LAST)
def last_state_added_to_a_copy(dout, cache):
    x, lengths = cache
    dx = np.zeros_like(x)
    dx[np.arange(len(x))][:, lengths[0] - 1] += dout
    return dx
