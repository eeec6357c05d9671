"""Further wrong backward passes of sequences and of losses."""

import numpy as np

from tests.gradcheck.planted_families.case import forgetting, loss_pair, planting
from tests.gradcheck.planted_families.further_layers import (
    ATTENTION_POOL,
    RANKING_LOSS,
    SMOOTHED_LOSS,
    attention_pool_backward,
    smoothed_loss_backward,
)
from tests.gradcheck.planted_families.losses import (
    BINARY_HINGE_LOSS,
    DIVERGENCE,
    HINGE_LOSS,
    L1_LOSS,
    LINEAR_HINGE,
    LINEAR_SOFTMAX,
    LOGISTIC_LOSS,
    SOFTMAX_LOSS,
    SQUARED_HINGE_LOSS,
    TRIPLET_LOSS,
    divergence_backward,
    hinge_loss_backward,
    linear_hinge_backward,
    linear_softmax_backward,
    softmax_loss_backward,
    squared_hinge_loss_backward,
    triplet_loss_backward,
)
from tests.gradcheck.planted_families.sequences import (
    ATTENTION,
    ATTENTION_SQUARE,
    CAUSAL_ATTENTION,
    EMBEDDING,
    LSTM,
    LSTM_STEP,
    MASKED_MEAN,
    PADDED_EMBEDDING,
    POSITIONS,
    RNN,
    SELF_ATTENTION,
    attention_backward,
    dscores_of,
    lstm_backward,
    padded_embedding_backward,
    rnn_backward,
    self_attention_backward,
)

FURTHER_SEQUENCES = []
bug = planting(FURTHER_SEQUENCES)
noise = np.random.default_rng(2)


@bug("transposed", ATTENTION_SQUARE)
def attention_dk_and_dv_swapped(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dq, dv, dk


@bug("wrong-cache-variable", LSTM_STEP, also=("transposed",))
def lstm_step_output_and_content_gates_mixed_up(dout, cache):
    x, h, c, wx, wh, gates, c_next = cache
    i, f, o, g = gates
    dh_next, dc_next = np.split(dout, 2, axis=1)
    bend = np.tanh(c_next)
    dc = dc_next + dh_next * o * (1 - bend**2)
    dzi, dzf, dzo, dzg = np.split(dscores_of(dc * g, dc * c, dh_next * bend, dc * i, gates), 4, axis=1)
    dz = np.concatenate([dzi, dzf, dzg, dzo], axis=1)
    return dz @ wx.T, dz @ wh.T, dc * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)


@bug("zero-gradient", RNN)
def rnn_nothing_for_the_first_state(dout, cache):
    dx, dh0, dwx, dwh, db = rnn_backward(dout, cache)
    return dx, np.zeros_like(dh0), dwx, dwh, db


@bug("wrong-mask", HINGE_LOSS)
def hinge_loss_counts_the_right_class_too(dout, cache):
    margins, y, x = cache
    dx = (margins > 0).astype(float)
    dx[np.arange(len(x)), y] = -1 - dx.sum(axis=1)
    return dout * dx / len(x)


@bug("constant-factor", HINGE_LOSS)
def hinge_loss_not_divided_by_the_batch(dout, cache):
    return hinge_loss_backward(dout, cache) * len(cache[2])


@bug("constant-factor", SQUARED_HINGE_LOSS)
def squared_hinge_loss_without_the_two(dout, cache):
    return squared_hinge_loss_backward(dout, cache) / 2


@bug("constant-factor", SOFTMAX_LOSS)
def softmax_loss_divided_by_the_classes(dout, cache):
    probs, y, x = cache
    return softmax_loss_backward(dout, cache) * len(x) / x.shape[1]


@bug("constant-factor", RNN)
def rnn_dwh_averaged_over_time(dout, cache):
    dx, dh0, dwx, dwh, db = rnn_backward(dout, cache)
    return dx, dh0, dwx, dwh / cache[0].shape[1], db


def negative_l1_loss(x, y):
    return abs(x - y).sum() / len(x), -np.sign(x - y) / len(x)


@bug("sign", L1_LOSS, forward=negative_l1_loss)
def l1_loss_uphill(dout, dx):
    return loss_pair(negative_l1_loss)[1](dout, dx)


@bug("sign", TRIPLET_LOSS)
def triplet_loss_far_example_pulled(dout, cache):
    da, dnear, dfar = triplet_loss_backward(dout, cache)
    return da, dnear, -dfar


@bug("missing-term", LINEAR_HINGE)
def linear_hinge_without_regularisation(dout, cache):
    w, x, y, margins, reg = cache
    return linear_hinge_backward(dout, (w, x, y, margins, 0))


@bug("missing-term", LINEAR_SOFTMAX)
def linear_classifier_regularisation_without_its_two(dout, cache):
    w, x, y, probs, reg = cache
    return linear_softmax_backward(dout, (w, x, y, probs, reg / 2))


@bug("missing-term", SELF_ATTENTION)
def self_attention_keys_forgotten_in_dx(dout, cache):
    x, wq, wk, wv, inner = cache
    dq, dk, dv = attention_backward(dout, inner)
    _, dwq, dwk, dwv = self_attention_backward(dout, cache)
    return dq @ wq.T + dv @ wv.T, dwq, dwk, dwv


@bug("missing-term", ATTENTION_POOL)
def attention_pool_weights_taken_for_constant_in_dx(dout, cache):
    x, w, u, bent, share = cache
    _, dw, du = attention_pool_backward(dout, cache)
    return share[..., None] * dout[:, None], dw, du


@bug("missing-mask", RANKING_LOSS)
def ranking_loss_pushes_every_pair(dout, excess):
    every = np.full(excess.shape, dout / excess.size)
    return -every, every


@bug("missing-mask", TRIPLET_LOSS)
def triplet_loss_pushes_every_triplet(dout, cache):
    a, near, far, excess = cache
    return triplet_loss_backward(dout, (a, near, far, np.ones_like(excess)))


@bug("wrong-mask", MASKED_MEAN)
def mean_over_words_of_the_padding(dout, cache):
    x, mask = cache
    return (dout / mask.sum(axis=1)[:, None])[:, None] * ~mask[..., None]


def draw_close_scores(rng):
    return 0.7 * rng.normal(size=(10, 4)), rng.integers(0, 4, 10)


@bug("wrong-mask", SQUARED_HINGE_LOSS, inputs=draw_close_scores)
def squared_hinge_loss_from_the_second_margin_on(dout, cache):
    margins, y, x = cache
    return squared_hinge_loss_backward(dout, (margins * (margins > 1), y, x))


@bug("wrong-mask", PADDED_EMBEDDING)
def embedding_padding_taken_for_the_last_word(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    np.add.at(dw, x, dout * (x != x.max())[..., None])
    return dw


@bug("not-accumulated", EMBEDDING)
def embedding_rows_assigned(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    for place in np.ndindex(x.shape):
        dw[x[place]] = dout[place]
    return dw


@bug("not-accumulated", POSITIONS)
def positions_overwritten_by_each_sentence(dout, _):
    for row in dout:
        dplaces = row.copy()
    return dout.copy(), dplaces


@bug("border", LSTM, also=("not-accumulated", "missing-term"))
def lstm_last_step_left_out(dout, cache):
    dout = dout.copy()
    dout[:, -1] = 0
    return lstm_backward(dout, cache)


@bug("wrong-cache-variable", DIVERGENCE)
def divergence_from_the_logarithm_of_the_target(dout, cache):
    probs, target = cache
    return divergence_backward(dout, (probs, np.log(target)))


@bug("mutates", SMOOTHED_LOSS)
def smoothed_loss_subtracts_its_target_in_place(dout, cache):
    probs, target, y = cache
    probs -= target
    return dout * probs / len(probs)


@bug("mutates", LSTM_STEP)
def lstm_step_adds_to_its_half_of_dout(dout, cache):
    x, h, c, wx, wh, gates, c_next = cache
    i, f, o, g = gates
    dh_next, dc = np.split(dout, 2, axis=1)
    dc += dh_next * o * (1 - np.tanh(c_next) ** 2)
    dz = dscores_of(dc * g, dc * c, dh_next * np.tanh(c_next), dc * i, gates)
    return dz @ wx.T, dz @ wh.T, dc * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)


@bug("wrong-shape", SOFTMAX_LOSS)
def softmax_loss_only_the_right_class(dout, cache):
    probs, y, x = cache
    return dout * (probs[np.arange(len(x)), y] - 1) / len(x)


@bug("wrong-shape", POSITIONS)
def positions_not_summed_over_the_batch(dout, _):
    return dout.copy(), dout.copy()


@bug("wrong-dtype", LSTM)
def lstm_dwh_in_float32(dout, cache):
    dx, dh0, dwx, dwh, db = lstm_backward(dout, cache)
    return dx, dh0, dwx, dwh.astype(np.float32), db


@bug("wrong-dtype", BINARY_HINGE_LOSS, also=("zero-gradient",))
def binary_hinge_loss_in_whole_numbers(dout, cache):
    margins, side = cache
    dx = np.zeros_like(side)
    dx[...] = -dout * side * (margins > 0) / len(margins)
    return dx


@bug("non-finite", LOGISTIC_LOSS, inputs=lambda rng: (400 * rng.normal(size=(5, 4)), rng.integers(0, 2, (5, 4))))
def logistic_loss_divides_by_the_slope_of_sigmoid(dout, cache):
    x, y = cache
    probs = 1 / (1 + np.exp(-x))
    slope = probs * (1 - probs)
    return dout * (probs - y) / slope * slope / len(x)


left_over = {}


@bug("nondeterministic", LSTM, inputs=forgetting(left_over, LSTM.inputs))
def lstm_goes_on_with_the_last_call(dout, cache):
    dout = dout.copy()
    dout[:, -1] += left_over.get("dh", 0)
    gradients = lstm_backward(dout, cache)
    left_over["dh"] = gradients[1].copy()
    return gradients


@bug("nondeterministic", SMOOTHED_LOSS)
def smoothed_loss_sees_a_part_of_the_batch(dout, cache):
    dx = smoothed_loss_backward(dout, cache)
    seen = noise.permutation(len(dx)) < len(dx) // 2
    return 2 * dx * seen[:, None]


@bug("zero-gradient", ATTENTION)
def attention_keys_detached(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dq, np.zeros_like(dk), dv


@bug("wrong-mask", CAUSAL_ATTENTION)
def causal_attention_mask_the_wrong_way_round(dout, cache):
    q, k, v, scores, weights, scale = cache
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True)) * scale
    dscores = dscores * np.tri(*scores.shape[1:]).T
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("wrong-cache-variable", RANKING_LOSS, also=("missing-mask", "constant-factor"))
def ranking_loss_weighs_by_the_excess(dout, excess):
    on = dout * excess / excess.size
    return -on, on


@bug("wrong-shape", PADDED_EMBEDDING)
def embedding_without_the_padding_row(dout, cache):
    return padded_embedding_backward(dout, cache)[1:]
