"""Wrong backward passes of embeddings, recurrent networks and attention."""

import numpy as np

from tests.gradcheck.planted_families.case import normal, planting
from tests.gradcheck.planted_families.sequences import (
    ATTENTION,
    ATTENTION_SQUARE,
    CAUSAL_ATTENTION,
    EMBEDDING,
    GRU_STEP,
    LSTM,
    LSTM_STEP,
    MASKED_MEAN,
    PADDED_EMBEDDING,
    POSITIONS,
    RNN,
    RNN_STEP,
    RNN_STEP_SQUARE,
    attention_backward,
    dscores_of,
    embedding_backward,
    gru_step_backward,
    lstm_step_backward,
    rnn_backward,
    rnn_step_backward,
)

SEQUENCE_BUGS = []
bug = planting(SEQUENCE_BUGS)


def rnn_steps(dout, cache, carry=True, first=0, state=0):
    """The loop of rnn_backward with some of its parts left out or changed."""
    x, hs, wx, wh = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(wh.shape[1])
    dh = np.zeros_like(hs[0])
    for t in reversed(range(first, x.shape[1])):
        dz = (dout[:, t] + dh) * (1 - hs[t + 1] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t + state].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ wh.T if carry else np.zeros_like(dh)
    return dx, dz @ wh.T, dwx, dwh, db


def lstm_steps(dout, cache, carry_h=True, carry_c=True):
    """The loop of lstm_backward with some of its parts left out."""
    steps, wx, wh = cache
    dxs, dwx, dwh, db = [], np.zeros_like(wx), np.zeros_like(wh), np.zeros(wh.shape[1])
    dh = dc = np.zeros_like(dout[:, 0])
    for t in reversed(range(len(steps))):
        x, h, c, gates, c_next = steps[t]
        i, f, o, g = gates
        dh, bend = dout[:, t] + carry_h * dh, np.tanh(c_next)
        dc = carry_c * dc + dh * o * (1 - bend**2)
        dz = dscores_of(dc * g, dc * c, dh * bend, dc * i, gates)
        dxs.insert(0, dz @ wx.T)
        dwx, dwh, db = dwx + x.T @ dz, dwh + h.T @ dz, db + dz.sum(axis=0)
        dh, dc = dz @ wh.T, dc * f
    return np.stack(dxs, axis=1), dh, dwx, dwh, db


def from_scores(dz, dc_previous, cache):
    """The gradients of an LSTM step, once those of its gates' scores are known."""
    x, h, c, wx, wh, gates, c_next = cache
    return dz @ wx.T, dz @ wh.T, dc_previous, x.T @ dz, h.T @ dz, dz.sum(axis=0)


@bug("constant-factor", ATTENTION)
def attention_scale_forgotten(dout, cache):
    q, k, v, scores, weights, scale = cache
    return attention_backward(dout, (q, k, v, scores, weights, 1.0))


@bug("sign", GRU_STEP, also=("missing-term",))
def gru_update_gate_the_wrong_way_round(dout, cache):
    x, h, wx, wh, z, r, n, hn = cache
    dn = dout * (1 - z) * (1 - n**2)
    dz = dout * (n - h) * z * (1 - z)
    dr = dn * hn * r * (1 - r)
    dxs, dhs = np.concatenate([dz, dr, dn], axis=1), np.concatenate([dz, dr, dn * r], axis=1)
    return dxs @ wx.T, dhs @ wh.T + dout * z, x.T @ dxs, h.T @ dhs, dxs.sum(axis=0)


@bug("transposed", ATTENTION_SQUARE)
def attention_scores_transposed(dout, cache):
    q, k, v, scores, weights, scale = cache
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True)) * scale
    return dscores.swapaxes(1, 2) @ k, dscores @ q, weights.swapaxes(1, 2) @ dout


@bug("transposed", RNN_STEP_SQUARE)
def rnn_step_wh_not_transposed(dout, cache):
    x, h, wx, wh, out = cache
    return rnn_step_backward(dout, (x, h, wx, wh.T, out))


@bug("missing-term", LSTM_STEP)
def lstm_step_cell_not_reached_through_h(dout, cache):
    x, h, c, wx, wh, gates, c_next = cache
    i, f, o, g = gates
    dh_next, dc = np.split(dout, 2, axis=1)
    dz = dscores_of(dc * g, dc * c, dh_next * np.tanh(c_next), dc * i, gates)
    return from_scores(dz, dc * f, cache)


@bug("missing-term", LSTM_STEP)
def lstm_step_forget_gate_without_its_slope(dout, cache):
    x, h, c, wx, wh, gates, c_next = cache
    i, f, o, g = gates
    dh_next, dc_next = np.split(dout, 2, axis=1)
    bend = np.tanh(c_next)
    dc = dc_next + dh_next * o * (1 - bend**2)
    scores = [dc * g * i * (1 - i), dc * c * f, dh_next * bend * o * (1 - o), dc * i * (1 - g**2)]
    return from_scores(np.concatenate(scores, axis=1), dc * f, cache)


@bug("missing-term", LSTM)
def lstm_cell_not_handed_back_in_time(dout, cache):
    return lstm_steps(dout, cache, carry_c=False)


@bug("missing-term", LSTM, also=("not-accumulated",))
def lstm_state_not_handed_back_in_time(dout, cache):
    return lstm_steps(dout, cache, carry_h=False)


@bug("missing-term", GRU_STEP)
def gru_reset_gate_forgotten(dout, cache):
    x, h, wx, wh, z, r, n, hn = cache
    return gru_step_backward(dout, (x, h, wx, wh, z, r, n, np.zeros_like(hn)))


@bug("missing-term", ATTENTION)
def attention_softmax_without_the_sum(dout, cache):
    q, k, v, scores, weights, scale = cache
    dscores = weights * (dout @ v.swapaxes(1, 2)) * scale
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("missing-term", RNN_STEP)
def rnn_step_without_the_slope_of_tanh(dout, cache):
    x, h, wx, wh, out = cache
    return rnn_step_backward(dout, (x, h, wx, wh, np.zeros_like(out)))


@bug("missing-mask", MASKED_MEAN)
def mean_over_words_reaches_the_padding(dout, cache):
    x, mask = cache
    return np.repeat((dout / mask.sum(axis=1)[:, None])[:, None], mask.shape[1], axis=1)


@bug("wrong-mask", CAUSAL_ATTENTION)
def causal_attention_masks_the_present_too(dout, cache):
    q, k, v, scores, weights, scale = cache
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True)) * scale
    dscores = dscores * np.tri(*scores.shape[1:], k=-1)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("not-accumulated", EMBEDDING)
def embedding_repeated_words_counted_once(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    dw[x] += dout
    return dw


@bug("not-accumulated", RNN)
def rnn_dwx_of_the_first_step(dout, cache):
    x, hs, wx, wh = cache
    dh = np.zeros_like(hs[0])
    dx, dh0, _, dwh, db = rnn_backward(dout, cache)
    for t in reversed(range(x.shape[1])):
        dz = (dout[:, t] + dh) * (1 - hs[t + 1] ** 2)
        dwx = x[:, t].T @ dz
        dh = dz @ wh.T
    return dx, dh0, dwx, dwh, db


@bug("not-accumulated", RNN, also=("missing-term",))
def rnn_state_not_handed_back_in_time(dout, cache):
    return rnn_steps(dout, cache, carry=False)


@bug("not-accumulated", POSITIONS)
def positions_of_the_first_sentence(dout, _):
    return dout.copy(), dout[0].copy()


@bug("border", RNN, also=("not-accumulated", "missing-term"))
def rnn_first_step_left_out(dout, cache):
    return rnn_steps(dout, cache, first=1)


@bug("wrong-cache-variable", RNN)
def rnn_dwh_from_the_state_of_the_same_step(dout, cache):
    return rnn_steps(dout, cache, state=1)


@bug("wrong-cache-variable", LSTM_STEP)
def lstm_step_tanh_of_the_previous_cell(dout, cache):
    x, h, c, wx, wh, gates, c_next = cache
    return lstm_step_backward(dout, (x, h, c, wx, wh, gates, c))


@bug("wrong-cache-variable", ATTENTION)
def attention_dv_from_the_scores(dout, cache):
    q, k, v, scores, weights, scale = cache
    dq, dk, _ = attention_backward(dout, cache)
    return dq, dk, scores.swapaxes(1, 2) @ dout


@bug("mutates", RNN)
def rnn_adds_the_later_steps_to_dout(dout, cache):
    x, hs, wx, wh = cache
    for t in reversed(range(1, x.shape[1])):
        dout[:, t - 1] += dout[:, t] * (1 - hs[t + 1] ** 2) @ wh.T
    dz = dout * (1 - np.stack(hs[1:], axis=1) ** 2)
    dwx, dwh = np.einsum("ntd,nth->dh", x, dz), np.einsum("ntd,nth->dh", np.stack(hs[:-1], axis=1), dz)
    return dz @ wx.T, dz[:, 0] @ wh.T, dwx, dwh, dz.sum(axis=(0, 1))


def one_based_embedding_forward(x, w):
    x -= 1
    return w[x], (x, w)


def draw_one_based(rng):
    return rng.integers(1, 7, (3, 4)), rng.normal(size=(30, 2))


@bug("mutates", EMBEDDING, forward=one_based_embedding_forward, inputs=draw_one_based)
def embedding_counts_its_indexes_down_in_place(dout, cache):
    return embedding_backward(dout, cache)


@bug("wrong-shape", EMBEDDING)
def embedding_dw_for_each_word_of_the_text(dout, cache):
    return dout.copy()


@bug("wrong-shape", ATTENTION)
def attention_dk_transposed(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dq, dk.swapaxes(1, 2), dv


@bug("wrong-dtype", EMBEDDING)
def embedding_dw_in_the_dtype_of_the_indexes(dout, cache):
    x, w = cache
    dw = np.zeros(w.shape, x.dtype)
    for place in np.ndindex(x.shape):
        dw[x[place]] = dw[x[place]] + dout[place]
    return dw


@bug("non-finite", ATTENTION, inputs=normal((2, 3, 4), (2, 5, 4), (2, 5, 3), scale=40.0))
def attention_softmax_again_without_the_shift(dout, cache):
    q, k, v, scores, weights, scale = cache
    weights = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    return attention_backward(dout, (q, k, v, scores, weights, scale))


@bug("zero-gradient", LSTM_STEP)
def lstm_step_nothing_for_the_previous_cell(dout, cache):
    dx, dh, dc, dwx, dwh, db = lstm_step_backward(dout, cache)
    return dx, dh, np.zeros_like(dc), dwx, dwh, db


@bug("sign", GRU_STEP, also=("missing-term",))
def gru_direct_path_subtracted(dout, cache):
    x, h, wx, wh, z, r, n, hn = cache
    dx, dh, dwx, dwh, db = gru_step_backward(dout, cache)
    return dx, dh - 2 * dout * z, dwx, dwh, db


@bug("transposed", RNN_STEP_SQUARE)
def rnn_step_dx_and_dh_swapped(dout, cache):
    dx, dh, dwx, dwh, db = rnn_step_backward(dout, cache)
    return dh, dx, dwx, dwh, db


@bug("missing-term", GRU_STEP)
def gru_direct_path_forgotten(dout, cache):
    x, h, wx, wh, z, r, n, hn = cache
    dx, dh, dwx, dwh, db = gru_step_backward(dout, cache)
    return dx, dh - dout * z, dwx, dwh, db


@bug("missing-mask", PADDED_EMBEDDING)
def embedding_padding_learned(dout, cache):
    return embedding_backward(dout, cache)


@bug("not-accumulated", RNN)
def rnn_db_of_the_first_step(dout, cache):
    x, hs, wx, wh = cache
    dx, dh0, dwx, dwh, _ = rnn_backward(dout, cache)
    dh = np.zeros_like(hs[0])
    for t in reversed(range(x.shape[1])):
        dz = (dout[:, t] + dh) * (1 - hs[t + 1] ** 2)
        db = dz.sum(axis=0)
        dh = dz @ wh.T
    return dx, dh0, dwx, dwh, db


@bug("wrong-cache-variable", GRU_STEP)
def gru_reset_gate_for_update_gate(dout, cache):
    x, h, wx, wh, z, r, n, hn = cache
    return gru_step_backward(dout, (x, h, wx, wh, r, r, n, hn))


@bug("wrong-cache-variable", LSTM_STEP)
def lstm_step_forget_gate_from_the_next_cell(dout, cache):
    x, h, c, wx, wh, gates, c_next = cache
    i, f, o, g = gates
    dh_next, dc_next = np.split(dout, 2, axis=1)
    bend = np.tanh(c_next)
    dc = dc_next + dh_next * o * (1 - bend**2)
    dz = dscores_of(dc * g, dc * c_next, dh_next * bend, dc * i, gates)
    return dz @ wx.T, dz @ wh.T, dc * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)
